import Glibc
import System

/// Where this node's containers are found among its cgroups: in the v2 hierarchy. If there is none, they are found in
/// the v1 hierarchy of the controller pids, which every runtime uses.
package struct CgroupHierarchy: Equatable, Sendable {
  package enum Layout: String, CaseIterable, Sendable { case v2, hybrid, v1 }

  /// Why `network` cannot be enforced on layout v1.
  package static let noV2Text =
    "there is no cgroup v2 hierarchy, to which alone programs that judge packets can be attached"
  package static let noneText = "neither cgroup v2 nor the v1 controller pids is mounted"
  private static let v1Controller: Substring = "pids"

  package var layout: Layout
  /// The mount point of that hierarchy; nil: there is none.
  package var root: String?

  package init(layout: Layout, root: String?) {
    self.layout = layout
    self.root = root
  }

  package static func current() throws(Errno) -> CgroupHierarchy {
    CgroupHierarchy(mountInfo: try Files.text("/proc/self/mountinfo"))
  }

  /// - Parameter mountInfo: the text of `/proc/self/mountinfo`; proc(5).
  package init(mountInfo: String) {
    let mounts = CgroupMount.all(in: mountInfo)
    // A bind mount of a part of the hierarchy (a container's view) has another root and cannot hold our paths.
    let whole = mounts.filter(\.isWhole)
    let v2 = whole.filter(\.isV2).map(\.folder)
    let pids = whole.filter { $0.controllers.contains(Self.v1Controller) }.map(\.folder)
    let hasV1 = mounts.contains { !$0.isV2 }
    layout = v2.isEmpty ? .v1 : hasV1 ? .hybrid : .v2
    root = (v2.isEmpty ? pids : v2).min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }

  /// A process's path in the hierarchy.
  ///
  /// - Parameter text: the text of `/proc/PID/cgroup`. Each line is `ID:CONTROLLERS:PATH`; cgroups(7).
  package func path(ofProcess text: String) -> String? {
    Self.path(ofProcess: text, v1: layout == .v1 ? Self.v1Controller : nil)
  }

  /// - Parameter controller: of the v1 hierarchy; nil: v2.
  static func path(ofProcess text: String, v1 controller: Substring?) -> String? {
    for line in text.parts(between: "\n") {
      let fields = line.parts(between: ":", maxSplits: 2, omittingEmpty: false)
      guard fields.count == 3 else { continue }
      let isOurs = controller.map { fields[1].parts(between: ",").contains($0) } ?? (fields[0] == "0")
      if isOurs { return String(fields[2]) }
    }
    return nil
  }
}
