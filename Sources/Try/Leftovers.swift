import Glibc
import System

/// What is left of a `try` that was killed together with the shell that would have cleaned up: cgroups, the processes
/// in them, and folders. The mounts went with the mount namespace.
enum Leftovers {
  private static let attempts = 100
  private static let pauseMicroseconds: UInt32 = 5000

  /// Only a `try` that is alone may call this.
  static func remove() {
    let hierarchies = [Host.cgroups] + folders(in: Host.cgroups)
    for folder in hierarchies.map({ $0 + Host.cgroupRoot }) where Files.exists(folder) { removeCgroup(folder) }
    for folder in folders(in: Workspace.parent) { rmdir(folder) }
  }

  private static func folders(in folder: String) -> [String] {
    let names = (try? Files.names(in: folder)) ?? []
    return names.map { "\(folder)/\($0)" }.filter { path in
      (try? Files.status(path)).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    }
  }

  private static func removeCgroup(_ cgroup: String) {
    for inner in folders(in: cgroup) { removeCgroup(inner) }
    for _ in 0..<attempts {
      if rmdir(cgroup) == 0 || errno != EBUSY { return }
      for pid in ((try? Files.text(cgroup + "/cgroup.procs")) ?? "").split(separator: "\n") {
        if let pid = pid_t(pid), pid > 0 { kill(pid, SIGKILL) }
      }
      usleep(pauseMicroseconds)
    }
  }
}
