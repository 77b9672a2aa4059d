import BPF
import Glibc
import System

/// An existing cgroup directory of the hierarchy where containers are found.
package struct Cgroup: Equatable, Sendable {
  /// The directory: `/sys/fs/cgroup/k8s.io/ID`.
  package let directory: String
  package let id: CgroupID

  /// - Throws: `Errno` ENOENT if there is none.
  package init(_ path: CgroupPath, in root: String) throws(Errno) { try self.init(directory: root + path.path) }

  package init(directory: String) throws(Errno) {
    let handle = try FileDescriptor(open: directory, O_DIRECTORY | O_NOFOLLOW | O_RDONLY)
    var status = stat()
    try call("stat \(directory)") { fstat(handle.number, &status) }
    self.directory = directory
    id = CgroupID(UInt64(status.st_ino))
  }

  private init(_ id: CgroupID, at directory: String) { (self.id, self.directory) = (id, directory) }

  /// Finds the cgroup that has an id, wherever the cgroup lies; nil: the cgroup is gone.
  ///
  /// - Throws: if the kernel does not answer. The cgroup may be there, with processes.
  package static func find(_ id: CgroupID, in root: String) throws(Errno) -> Cgroup? {
    let mount = try FileDescriptor(open: root, O_DIRECTORY | O_RDONLY)
    let handle: FileDescriptor
    do { handle = try FileSystem.openCgroup(id.number, in: mount) } catch {
      if error.code == ESTALE || error.code == ENOENT { return nil }
      throw error
    }
    let directory = try Files.link(at: "/proc/self/fd/\(handle.number)")
    guard directory.hasPrefix("/"), !directory.hasSuffix(" (deleted)") else { return nil }
    return Cgroup(id, at: directory)
  }

  /// Whether the directory is known to stand for the same cgroup.
  package var isCurrent: Bool { (try? Files.status(directory).st_ino).map { CgroupID(UInt64($0)) } == id }

  /// Whether the directory is known to be gone, or to stand for another cgroup.
  package var isGone: Bool {
    do { return try CgroupID(UInt64(Files.status(directory).st_ino)) != id } catch { return error.code == ENOENT }
  }

  /// Whether no process is left in the cgroup or below it. A cgroup that is gone is empty.
  ///
  /// - Throws: if the kernel does not answer, and the reason is not that the cgroup is gone.
  package func isEmpty() throws(Errno) -> Bool {
    do {
      guard let events = try events() else { return try Self.hasNoProcess(directory) || isGone }
      return events.split(separator: UInt8(ascii: "\n")).contains { $0.elementsEqual("populated 0".utf8) } || isGone
    } catch {
      // ENODEV: removed between open and read.
      if error.code == ENOENT || error.code == ENODEV { return true }
      throw error
    }
  }

  /// The cgroups in this cgroup; none if this cgroup is gone.
  package var children: [Cgroup] {
    ((try? Files.names(in: directory)) ?? []).compactMap { name in
      // Files are left out: they are not folders.
      try? Cgroup(directory: "\(directory)/\(name)")
    }
  }

  /// nil: v1 has no such file. The kernel gives the whole file at once.
  private func events() throws(Errno) -> [UInt8]? {
    let file: FileDescriptor
    do { file = try FileDescriptor(open: directory + "/cgroup.events", O_RDONLY) } catch {
      if error.code == ENOENT { return nil }
      throw error
    }
    return try file.read(atMost: Self.eventsMaxBytes)
  }

  /// The file has some lines of one word and one digit.
  private static let eventsMaxBytes = 1024

  /// Sends SIGKILL to every process in the cgroup or below it. The processes end a moment later.
  package func killAll() throws(Errno) {
    // v2, from Linux 5.14 on: this also reaches processes that are just being made.
    if Files.exists(directory + "/cgroup.kill") { return try Files.write("1", to: directory + "/cgroup.kill") }
    // A process that forks meanwhile is met in the next round.
    for _ in 0..<Self.killRounds {
      let pids = try LeftProcesses.pids(in: directory).filter { $0 > 0 }
      if pids.isEmpty { return }
      for pid in pids { kill(pid_t(pid), SIGKILL) }
      usleep(1000)
    }
  }

  private static let killRounds = 50

  /// v1 has no cgroup.events. This look may miss a process that moves from below to above meanwhile. The entry is
  /// closed or gone then, so that process may exec nothing.
  private static func hasNoProcess(_ directory: String) throws(Errno) -> Bool {
    guard try Files.text(directory + "/cgroup.procs").isEmpty else { return false }
    for name in try Files.names(in: directory) {
      let inner = "\(directory)/\(name)"
      if try Files.status(inner).st_mode & S_IFMT == S_IFDIR, try !hasNoProcess(inner) { return false }
    }
    return true
  }
}
