import Daemon
import Enforcement
import Glibc
import Seccomp
import System

/// What the command line of `stockade profile check` says.
package struct CheckOptions {
  /// Files, folders, and `-`.
  package var paths: [String] = []
  package var node = NodeDescription()
  package var printsJSON = false

  package init() {}

  /// Checks and prints. Call it on the main thread, whose mount namespace may change.
  ///
  /// - Returns: the exit status.
  package func run() throws -> Int32 {
    let node = JudgedNode(node, .thisNode)
    var check = ProfileCheck(node: node, environment: try SeccompEnvironment.thisNode())
    let report = CheckReport(check.check(paths), node)
    put(printsJSON ? report.json.text + "\n" : report.text, to: 1)
    return report.status
  }
}

extension JudgedNode.Surroundings {
  static var thisNode: Self {
    Self(
      isRoot: geteuid() == 0, cgroup: { try CgroupHierarchy.current().layout },
      probe: { try NodeProbe.capabilities() })
  }
}
