import Glibc
import System

/// Makes sure that one Stockade at a time serves this node: two would share the pins, and contradict each other. It is
/// a record lock of fcntl(2). The kernel takes the lock away with its process, no child inherits it, and it tells who
/// has it.
package final class InstanceLock: Sendable {
  package static let path = "/run/stockade/lock"
  /// A Stockade whose runtime is gone ends in less time.
  package static let waitMilliseconds = 2000
  private static let retryMilliseconds: UInt32 = 10

  /// The only descriptor of this file in this process: closing any other one would also give up the lock.
  private let file: FileDescriptor

  private init(_ file: FileDescriptor) { self.file = file }

  package enum Outcome: Sendable {
    case held(InstanceLock)
    /// nil: the process that has the lock is in another pid namespace.
    case taken(by: pid_t?)
  }

  /// - Throws: if there can be no lock.
  package static func take(
    _ path: String = path, waitMilliseconds: Int = waitMilliseconds
  ) throws(Errno) -> Outcome {
    try Files.makeFolder(Files.folder(of: path), mode: 0o700)
    let file = try FileDescriptor(open: path, O_RDWR | O_CREAT | O_NOFOLLOW)
    let deadline = SuspendingClock.now + .milliseconds(waitMilliseconds)
    while true {
      guard let holder = try lock(file) else { return .held(InstanceLock(file)) }
      if .now >= deadline { return .taken(by: holder > 0 ? holder : nil) }
      usleep(retryMilliseconds * 1000)
    }
  }

  /// Whether a Stockade serves this node. A Stockade that serves must not ask this.
  package static func isHeld(_ path: String = path) throws(Errno) -> Bool {
    if !Files.exists(path) { return false }
    let file = try FileDescriptor(open: path, O_RDWR | O_NOFOLLOW)
    var wanted = wholeFile
    try call("ask who locks \(path)") { fcntl(file.number, F_GETLK, &wanted) }
    return wanted.l_type != Int16(F_UNLCK)
  }

  private static var wholeFile: flock {
    var wanted = flock()
    wanted.l_type = Int16(F_WRLCK)
    wanted.l_whence = Int16(SEEK_SET)
    return wanted
  }

  /// - Returns: nil: the lock is ours. Else the pid of the process that has it; 0 or less if that cannot be found out.
  private static func lock(_ file: FileDescriptor) throws(Errno) -> pid_t? {
    var wanted = wholeFile
    do {
      try call("lock \(path)") { fcntl(file.number, F_SETLK, &wanted) }
      return nil
    } catch {
      guard error.code == EAGAIN || error.code == EACCES else { throw error }
    }
    try call("ask who locks \(path)") { fcntl(file.number, F_GETLK, &wanted) }
    // The lock was let go meanwhile, so the next try takes it.
    return wanted.l_type == Int16(F_UNLCK) ? 0 : wanted.l_pid
  }
}
