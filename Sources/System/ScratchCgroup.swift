import Glibc

/// A cgroup for a moment. It is locked while it is in use. So a process that is killed leaves nothing for ever: the
/// next scratch cgroup of the same kind removes those that nobody has locked.
package final class ScratchCgroup: Sendable {
  package let path: String
  /// The directory's inode number, which is the kernel's id of the cgroup.
  package let id: UInt64
  private let lock: FolderLock

  private static let attempts = 100
  private static let pauseMicroseconds: UInt32 = 1000

  /// - Parameters:
  ///   - root: where the hierarchy is mounted.
  ///   - kind: the beginning of the cgroup's name.
  package init(in root: String, kind: String) throws(Errno) {
    Self.removeLeft(in: root, kind: kind)
    (path, lock, id) = try Self.locked(in: root, kind: kind)
  }

  deinit { Self.remove(path) }

  /// No other has the name: a process may have several at once, and another PID namespace has the same numbers. The
  /// process's number is for people who look. It may be in use again, so only the lock counts.
  static func path(in root: String, kind: String, of pid: pid_t) -> String {
    "\(root)/\(kind)-locked-\(pid)-\(UInt32.random(in: 0...UInt32.max))"
  }

  /// Makes and locks the cgroup. Another process may take it away in between, but only before it is locked.
  private static func locked(
    in root: String, kind: String
  ) throws(Errno) -> (String, FolderLock, UInt64) {
    for _ in 0..<attempts {
      let path = path(in: root, kind: kind, of: getpid())
      if mkdir(path, 0o700) == -1 {
        if errno == EEXIST { continue }
        throw Errno(errno, "make the scratch cgroup \(path)")
      }
      do {
        let lock = try FolderLock(on: path)
        try lock.share()
        let id = UInt64(try Files.status(path).st_ino)
        if UInt64(try lock.folder.status(path).st_ino) == id { return (path, lock, id) }
      } catch { if error.code != ENOENT { throw error } }
    }
    throw Errno(EAGAIN, "make a scratch cgroup in \(root)")
  }

  /// Takes away the scratch cgroups that are no longer in use, with the processes in them.
  package static func removeLeft(in root: String, kind: String) {
    for name in (try? Files.names(in: root)) ?? [] where name.utf8.starts(with: "\(kind)-".utf8) {
      let path = "\(root)/\(name)"
      if isOfOlder(name.dropFirst(kind.utf8.count + 1)) { continue }
      guard let lock = try? FolderLock(on: path, O_NOFOLLOW), lock.tryTakeAlone() else { continue }
      // The lock is held until the cgroup is gone.
      withExtendedLifetime(lock) {
        endProcesses(path)
        remove(path)
      }
    }
  }

  /// Whether version 0.1.0, which locked none, made the cgroup, and the process whose number is in the name still
  /// exists.
  private static func isOfOlder(_ number: Substring) -> Bool {
    guard let pid = pid_t(number), pid > 0, pid != getpid() else { return false }
    return kill(pid, 0) == 0
  }

  private static func endProcesses(_ path: String) {
    // This also reaches processes that are made meanwhile. Linux 5.14, cgroup v2; cgroups(7).
    let kill = "\(path)/cgroup.kill"
    if Files.exists(kill), (try? Files.write("1", to: kill)) != nil { return }
    let pids = (try? Files.text("\(path)/cgroup.procs")) ?? ""
    for pid in pids.split(separator: "\n").compactMap({ pid_t($0) }) where pid > 0 { Glibc.kill(pid, SIGKILL) }
  }

  /// A process that has just ended still counts for a moment.
  private static func remove(_ path: String) {
    for _ in 0..<attempts {
      if rmdir(path) == 0 || errno != EBUSY { return }
      usleep(pauseMicroseconds)
    }
  }
}
