import Glibc
import System

/// Starting other programs: posix_spawnp(3).
enum Program {
  /// Starts `arguments[0]`, looked up in PATH, with this process's environment, no blocked signal and SIGPIPE not
  /// ignored.
  ///
  /// - Parameter ownGroup: in a process group of its own, out of reach of a terminal's ^C.
  static func start(
    _ arguments: [String], input: Int32 = 0, output: Int32 = 1, error: Int32 = 2, ownGroup: Bool = false
  ) throws(TryError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    for (target, source) in [input, output, error].enumerated() {
      posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    var noSignal = sigset_t()
    sigemptyset(&noSignal)
    posix_spawnattr_setsigmask(&attributes, &noSignal)
    // We ignore SIGPIPE; a container's command must not inherit that.
    var brokenPipe = noSignal
    sigaddset(&brokenPipe, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &brokenPipe)
    let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | (ownGroup ? POSIX_SPAWN_SETPGROUP : 0)
    posix_spawnattr_setflags(&attributes, Int16(flags))
    let vector = arguments.map { strdup($0) } + [nil]
    defer { for word in vector { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, arguments[0], &actions, &attributes, vector, environ)
    if code != 0 { throw .system(Errno(code, "run \(arguments[0])")) }
    return pid
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

  /// The shell's view of what waitpid(2) reports.
  static func exitStatus(ofWait status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : ExitStatus.signalBase + signal
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
