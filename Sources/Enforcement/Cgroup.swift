import CSystem
import Glibc
import System

/// An existing cgroup directory of the hierarchy where containers are found.
package struct Cgroup: Equatable, Sendable {
  /// The directory: `/sys/fs/cgroup/k8s.io/ID`.
  package let directory: String
  /// The kernel's id, which no later cgroup of the same name shares. Equals the directory's inode number.
  package let id: UInt64

  /// - Throws: `Errno` ENOENT where there is none.
  package init(_ path: CgroupPath, in root: String) throws(Errno) { try self.init(directory: root + path.path) }

  package init(directory: String) throws(Errno) {
    let handle = try FileDescriptor(open: directory, O_DIRECTORY | O_NOFOLLOW | O_RDONLY)
    var status = stat()
    try call("stat \(directory)") { fstat(handle.number, &status) }
    self.directory = directory
    id = UInt64(status.st_ino)
  }

  /// Finds the cgroup of an id, wherever it lies; nil where it is gone. open_by_handle_at(2).
  package init?(id: UInt64, in root: String) {
    guard let mount = try? FileDescriptor(open: root, O_DIRECTORY | O_RDONLY) else { return nil }
    let number = system_open_cgroup(mount.number, id)
    guard number >= 0 else { return nil }
    let handle = FileDescriptor(owning: number)
    guard let directory = try? Files.link(at: "/proc/self/fd/\(handle.number)"), directory.hasPrefix("/"),
      !directory.hasSuffix(" (deleted)")
    else { return nil }
    self.directory = directory
    self.id = id
  }

  /// Whether the directory still stands for the same cgroup.
  package var isCurrent: Bool { (try? Cgroup(directory: directory).id) == id }

  /// Whether no process is left in it or below. A cgroup that is gone is empty.
  ///
  /// - Throws: where the kernel does not answer for another reason than its absence.
  package func isEmpty() throws(Errno) -> Bool {
    do throws(Errno) {
      if Files.exists(directory + "/cgroup.events") {
        return try Files.text(directory + "/cgroup.events").split(separator: "\n").contains("populated 0") || !isCurrent
      }
      return try Self.hasNoProcess(directory) || !isCurrent
    } catch {
      // ENODEV: removed between open and read.
      if error.code == ENOENT || error.code == ENODEV { return true }
      throw error
    }
  }

  /// v1 has no cgroup.events. A process that moves from below to above while this looks may be missed: the entry is
  /// closed or gone then, and it may exec nothing.
  private static func hasNoProcess(_ directory: String) throws(Errno) -> Bool {
    guard try Files.text(directory + "/cgroup.procs").isEmpty else { return false }
    for name in try Files.names(in: directory) {
      let inner = "\(directory)/\(name)"
      if try Files.status(inner).st_mode & S_IFMT == S_IFDIR, try !hasNoProcess(inner) { return false }
    }
    return true
  }
}
