import Daemon
import Enforcement
import Glibc
import Seccomp
import System

/// What the command line of `stockade profile check` says.
package struct CheckOptions: Sendable {
  /// Files, folders, and `-`.
  package var paths: [String] = []
  package var node = NodeDescription()
  /// The tree of the image for which the profiles are meant.
  package var rootfs: String?

  package init() {}

  /// Checks. Call it on the main thread, whose mount namespace may change.
  package func run() throws -> CheckReport {
    let node = JudgedNode(node, .thisNode)
    let root = try rootfs.map { folder in try RootView(folder: folder) }
    var check = ProfileCheck(node: node, environment: try SeccompEnvironment.thisNode(), root: root)
    return CheckReport(check.check(paths), node)
  }
}

extension JudgedNode.Surroundings {
  package static var thisNode: Self {
    Self(
      isRoot: geteuid() == 0, cgroup: { try CgroupHierarchy.current().layout },
      probe: { try NodeProbe.capabilities() })
  }
}
