import System

/// Who serves this node in our place.
struct OtherStockade {
  /// nil: of another pid namespace.
  let pid: Int32?

  /// It was not launched by a runtime, nor started by a keeper: it does not end with one. In a pid namespace of its own
  /// it can only be that.
  var isService: Bool {
    guard let pid else { return true }
    // Of one that has ended there is none.
    let line = (try? Files.read("/proc/\(pid)/cmdline")) ?? []
    return Self.isService(line)
  }

  /// - Parameter line: the words, each with a NUL behind it; proc(5).
  static func isService(_ line: [UInt8]) -> Bool {
    line.split(separator: 0, omittingEmptySubsequences: false).dropFirst().first?.elementsEqual("run".utf8) ?? false
  }
}
