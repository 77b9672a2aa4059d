import Glibc

/// A lock on a folder. It ends with this object. flock(2).
package final class FolderLock: Sendable {
  package let folder: FileDescriptor
  private let path: String

  /// Opens the folder, but does not lock it yet.
  package init(on path: String, _ flags: Int32 = 0) throws(Errno) {
    folder = try FileDescriptor(open: path, O_RDONLY | O_DIRECTORY | flags)
    self.path = path
  }

  deinit { letGo() }

  /// A child that was forked meanwhile has a copy of the descriptor until it execs. To close ours alone would leave the
  /// lock with that copy.
  package func letGo() { flock(folder.number, LOCK_UN) }

  /// Waits until nobody has the lock alone.
  package func share() throws(Errno) { try call("share \(path)") { flock(folder.number, LOCK_SH) } }

  /// Waits until nobody else has the lock.
  package func takeAlone() throws(Errno) { try call("lock \(path)") { flock(folder.number, LOCK_EX) } }

  /// - Returns: false: somebody else has the lock.
  package func tryTakeAlone() -> Bool { flock(folder.number, LOCK_EX | LOCK_NB) == 0 }
}
