import Glibc
import System

/// Where this node's cgroup v2 hierarchy is mounted, and what stands beside it.
package struct CgroupHierarchy: Equatable, Sendable {
  package enum Layout: String, Sendable { case v2, hybrid, v1 }

  package var layout: Layout
  /// The mount point of the v2 hierarchy; nil where there is none.
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
    var v2: [String] = []
    var hasV1 = false
    for line in mountInfo.split(separator: "\n") {
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count, dash > 4 else { continue }
      // A bind mount of a part of the hierarchy (a container's view) has another root and cannot hold our paths.
      if fields[dash + 1] == "cgroup2", fields[3] == "/" { v2.append(Self.unescape(fields[4])) }
      if fields[dash + 1] == "cgroup" { hasV1 = true }
    }
    root = v2.min { ($0.utf8.count, $0) < ($1.utf8.count, $1) }
    layout = root == nil ? .v1 : hasV1 ? .hybrid : .v2
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
