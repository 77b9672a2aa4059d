import System

/// The Stockade that serves this node in our place.
struct OtherStockade {
  /// nil: the process is in another pid namespace.
  let pid: Int32?

  /// Whether it is a service: no runtime launched it and no keeper started it, so it does not end with a runtime. A
  /// Stockade in a pid namespace of its own can only be a service.
  var isService: Bool {
    guard let pid else { return true }
    // A process that has ended has no command line.
    let line = (try? Files.read("/proc/\(pid)/cmdline")) ?? []
    return Self.isService(line)
  }

  /// - Parameter line: the words of the command line, each with a NUL behind it; proc(5).
  static func isService(_ line: [UInt8]) -> Bool {
    line.split(separator: 0, omittingEmptySubsequences: false).dropFirst().first?.elementsEqual("run".utf8) ?? false
  }
}
