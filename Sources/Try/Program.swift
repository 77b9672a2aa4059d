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

  /// Why a program cannot be started, as an errno; nil where it can. A name without a slash is looked up in PATH.
  static func problem(with program: String) -> Int32? {
    let folders = program.contains("/") ? [""] : searchPath.map { $0 + "/" }
    var problem = ENOENT
    for folder in folders {
      if access(folder + program, X_OK) == 0 { return nil }
      if errno == EACCES { problem = EACCES }
    }
    return problem
  }

  private static var searchPath: [Substring] {
    let path = getenv("PATH").map { String(cString: $0) } ?? "/bin:/usr/bin"
    return path.split(separator: ":")
  }

  /// Starts a program and waits for it.
  static func run(_ arguments: [String], output: Int32 = 1, error: Int32 = 2) throws(TryError) -> Int32 {
    try wait(for: try start(arguments, output: output, error: error))
  }

  /// What a program prints, all of it; nil where it fails.
  static func text(of arguments: [String]) throws(TryError) -> String? {
    let (reader, pid) = try { () throws(TryError) in
      let (reader, writer) = try connectedPair()
      return (reader, try start(arguments, output: writer.number))
    }()
    let text = try system { () throws(Errno) in
      var bytes: [UInt8] = []
      while case let part = try reader.read(atMost: 65536), !part.isEmpty { bytes += part }
      return String(decoding: bytes, as: UTF8.self)
    }
    return try wait(for: pid) == 0 ? text : nil
  }

  /// Waits for a child: its exit status, or 128 + the signal that ended it. waitpid(2).
  static func wait(for pid: pid_t) throws(TryError) -> Int32 {
    var status: Int32 = 0
    try system { () throws(Errno) in try call("wait for process \(pid)") { waitpid(pid, &status, 0) } }
    return exitStatus(ofWait: status)
  }
}

/// Runs `body`, its errno as an error of this module.
@discardableResult
func system<Result>(_ body: () throws(Errno) -> Result) throws(TryError) -> Result {
  do throws(Errno) { return try body() } catch { throw .system(error) }
}

/// Two connected stream sockets, which no program inherits by accident. socketpair(2).
func connectedPair() throws(TryError) -> (FileDescriptor, FileDescriptor) {
  var ends: [Int32] = [0, 0]
  try system { () throws(Errno) in
    try call("make a socket pair") {
      socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
    }
  }
  return (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
}
