import Glibc
import System

/// Starting other programs.
enum Program {
  /// Starts `arguments[0]`, as `spawn` does.
  static func start(
    _ arguments: [String], input: Int32 = 0, output: Int32 = 1, error: Int32 = 2, ownGroup: Bool = false
  ) throws(TryError) -> pid_t {
    try system { () throws(Errno) in
      try spawn(arguments[0], arguments, streams: [input, output, error], ownGroup: ownGroup)
    }
  }

  /// Starts a program and waits for it.
  static func run(_ arguments: [String], output: Int32 = 1, error: Int32 = 2) throws(TryError) -> Int32 {
    try wait(for: try start(arguments, output: output, error: error))
  }

  /// Everything that a program prints; nil: the program fails.
  static func text(of arguments: [String]) throws(TryError) -> String? {
    let (reader, pid) = try { () throws(TryError) in
      let (reader, writer) = try system { () throws(Errno) in try FileDescriptor.connectedPair() }
      return (reader, try start(arguments, output: writer.number))
    }()
    let text = try system { () throws(Errno) in
      var bytes: [UInt8] = []
      while case let part = try reader.read(atMost: 65536), !part.isEmpty { bytes += part }
      return String(decoding: bytes, as: UTF8.self)
    }
    return try wait(for: pid) == 0 ? text : nil
  }

  /// Waits for a child. Returns its exit status, or 128 plus the number of the signal that ended it.
  static func wait(for pid: pid_t) throws(TryError) -> Int32 {
    try system { () throws(Errno) in try Children.wait(for: pid) }
  }
}

/// Runs `body`, and turns its errno into an error of this module.
@discardableResult
func system<Result>(_ body: () throws(Errno) -> Result) throws(TryError) -> Result {
  do { return try body() } catch { throw .system(error) }
}
