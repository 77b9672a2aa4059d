import Glibc
import System

/// That one Stockade at a time serves this node: two would share the pins, and contradict each other. A record lock of
/// fcntl(2), which the kernel takes away with its process, which no child inherits, and which tells who has it.
package final class InstanceLock: Sendable {
  package static let path = "/run/stockade/lock"
  /// A Stockade of a runtime that is gone ends in less.
  package static let waitMilliseconds = 2000
  private static let retryMilliseconds: UInt32 = 10

  /// The only descriptor of this file in this process: with any other one the lock would be closed as well.
  private let file: FileDescriptor

  private init(_ file: FileDescriptor) { self.file = file }

  package enum Outcome: Sendable {
    case held(InstanceLock)
    /// nil: its process is of another pid namespace.
    case taken(by: pid_t?)
  }

  /// - Throws: where there can be no lock.
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

  /// Whether a Stockade serves this node. Not for one that does.
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

  /// - Returns: nil: it is ours; else who has it, 0 or less where that cannot be told.
  private static func lock(_ file: FileDescriptor) throws(Errno) -> pid_t? {
    var wanted = wholeFile
    do throws(Errno) {
      try call("lock \(path)") { fcntl(file.number, F_SETLK, &wanted) }
      return nil
    } catch {
      guard error.code == EAGAIN || error.code == EACCES else { throw error }
    }
    try call("ask who locks \(path)") { fcntl(file.number, F_GETLK, &wanted) }
    // Let go meanwhile: the next try takes it.
    return wanted.l_type == Int16(F_UNLCK) ? 0 : wanted.l_pid
  }
}
