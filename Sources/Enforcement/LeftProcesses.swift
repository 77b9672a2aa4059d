import Glibc
import System

/// Processes in a container's cgroup beside its first process, while that one is still parked before its exec. Nothing
/// of the container has run yet. So the runtime's hooks left these processes, and no rule binds them. A program of the
/// image that a hook ran could wait there for the gate to open.
package struct LeftProcesses: Equatable, Sendable {
  package struct Process: Equatable, Sendable, CustomStringConvertible {
    package var pid: UInt32
    /// The thread's name; empty if the process has just ended.
    package var name: String
    package var description: String { name.isEmpty ? "\(pid)" : "\(pid) (\(name))" }
  }

  package var processes: [Process]

  /// So many processes are named in a message.
  static let namedMaximum = 5
  /// A process that a hook has started may be ending. It has this long to end.
  package static let patienceMilliseconds = 50

  /// - Returns: nil: there is no other process.
  package static func beside(_ pid: UInt32, in cgroup: Cgroup) throws(Errno) -> LeftProcesses? {
    for _ in 0..<patienceMilliseconds {
      if try others(than: pid, in: cgroup).isEmpty { return nil }
      usleep(1000)
    }
    let left = try others(than: pid, in: cgroup)
    return left.isEmpty ? nil : LeftProcesses(processes: left.map(process))
  }

  private static func others(than pid: UInt32, in cgroup: Cgroup) throws(Errno) -> [UInt32] {
    try pids(in: cgroup.directory).filter { $0 != pid }
  }

  private static func process(_ pid: UInt32) -> Process {
    let name = (try? Files.text("/proc/\(pid)/comm")) ?? ""
    return Process(pid: pid, name: String(name.prefix { $0 != "\n" }))
  }

  /// The processes of the cgroup and of those below it. Zombies are not among them.
  static func pids(in folder: String) throws(Errno) -> [UInt32] {
    var found: [UInt32] = []
    do {
      // 0: the process is in a pid namespace that we do not see into.
      for line in try Files.text(folder + "/cgroup.procs").split(separator: "\n") { found.append(UInt32(line) ?? 0) }
    } catch {
      // This is a threaded cgroup. Its processes are listed by the cgroup that it belongs to.
      if error.code != EOPNOTSUPP { throw error }
    }
    // Like every folder of this file system, it has two links, and one more for each folder in it.
    guard try Files.status(folder).st_nlink > 2 else { return found }
    for name in try Files.names(in: folder) {
      let inner = "\(folder)/\(name)"
      do {
        if try Files.status(inner).st_mode & S_IFMT == S_IFDIR { found += try pids(in: inner) }
      } catch {
        // The folder has been removed meanwhile.
        if error.code != ENOENT, error.code != ENODEV { throw error }
      }
    }
    return found
  }
}

extension LeftProcesses: CustomStringConvertible {
  /// `41 (sleep), 42 (sh) and 3 more`
  package var description: String {
    let named = processes.prefix(Self.namedMaximum).map(\.description).joined(separator: ", ")
    let rest = processes.count - Self.namedMaximum
    return rest > 0 ? "\(named) and \(rest) more" : named
  }
}
