import Glibc
import System

/// What this machine offers a container.
struct Host: Sendable {
  /// Whether there is nothing but cgroup v2, mounted at the usual place.
  let hasOnlyCgroupV2: Bool
  /// Capabilities that this process may pass on.
  let capabilities: [String]
  /// Where the hierarchies are mounted.
  let hierarchies: [String]

  /// Every cgroup of every `try` is below this one, in each hierarchy.
  static let cgroupRoot = "/stockade-try"
  static let cgroups = "/sys/fs/cgroup"

  init() throws(TryError) {
    let root = Self.cgroups
    hasOnlyCgroupV2 = Files.exists("\(root)/cgroup.controllers")
    let status = try system { () throws(Errno) in try Files.text("/proc/self/status") }
    capabilities = Capabilities.available(inStatus: status)
    if hasOnlyCgroupV2 {
      hierarchies = [root]
    } else {
      let names = try system { () throws(Errno) in try Files.names(in: root) }
      hierarchies = names.map { "\(root)/\($0)" }.filter { Files.exists("\($0)/cgroup.procs") }
    }
    if hierarchies.isEmpty { throw .missing("no cgroup hierarchy is mounted below \(root)") }
  }

  /// Makes a cgroup in every hierarchy, as the kubelet does for a pod.
  func makeCgroup(_ path: String) throws(TryError) {
    for hierarchy in hierarchies { try system { () throws(Errno) in try Files.makeFolder(hierarchy + path) } }
  }

  func removeCgroup(_ path: String) {
    for hierarchy in hierarchies { rmdir(hierarchy + path) }
  }
}
