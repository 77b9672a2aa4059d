import Glibc
import System

/// Where this node's containers are found among its cgroups: the v2 hierarchy; where there is none, the v1 hierarchy of
/// the controller pids, which every runtime uses.
package struct CgroupHierarchy: Equatable, Sendable {
  package enum Layout: String, CaseIterable, Sendable { case v2, hybrid, v1 }

  /// Why `network` cannot be enforced on layout v1.
  package static let noV2Text =
    "there is no cgroup v2 hierarchy, to which alone programs that judge packets can be attached"
  package static let noneText = "neither cgroup v2 nor the v1 controller pids is mounted"
  private static let v1Controller: Substring = "pids"

  package var layout: Layout
  /// The mount point of that hierarchy; nil where there is none.
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
    var (v2, pids): ([String], [String]) = ([], [])
    var hasV1 = false
    for line in mountInfo.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let dash = fields.firstIndex(of: "-"), dash + 3 < fields.count, dash > 4 else { continue }
      // A bind mount of a part of the hierarchy (a container's view) has another root and cannot hold our paths.
      let isWhole = fields[3] == "/"
      if fields[dash + 1] == "cgroup2", isWhole { v2.append(Self.unescape(fields[4])) }
      guard fields[dash + 1] == "cgroup" else { continue }
      hasV1 = true
      let controllers = fields[dash + 3].split(separator: ",")
      if isWhole, controllers.contains(Self.v1Controller) { pids.append(Self.unescape(fields[4])) }
    }
    layout = v2.isEmpty ? .v1 : hasV1 ? .hybrid : .v2
    root = (v2.isEmpty ? pids : v2).min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
  }

  /// A process's path in the hierarchy.
  ///
  /// - Parameter text: of `/proc/PID/cgroup`: `ID:CONTROLLERS:PATH` a line; cgroups(7).
  package func path(ofProcess text: String) -> String? {
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard fields.count == 3 else { continue }
      let isOurs = layout == .v1 ? fields[1].split(separator: ",").contains(Self.v1Controller) : fields[0] == "0"
      if isOurs { return String(fields[2]) }
    }
    return nil
  }

  /// mountinfo writes space, tab, newline and backslash as `\040` and the like.
  private static func unescape(_ field: Substring) -> String {
    guard field.contains("\\") else { return String(field) }
    var bytes: [UInt8] = []
    var rest = Array(field.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
