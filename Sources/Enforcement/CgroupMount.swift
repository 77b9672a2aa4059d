import System

/// A mount of a cgroup hierarchy, as `/proc/self/mountinfo` tells of it; proc(5).
struct CgroupMount: Equatable {
  var folder: String
  var isV2: Bool
  /// The controllers of a v1 hierarchy. A v2 hierarchy says them in a file.
  var controllers: [Substring]
  /// Whether the mount's root is the hierarchy's root, or the root of this process's cgroup namespace.
  var isWhole: Bool

  static func all(in mountInfo: String) -> [CgroupMount] {
    mountInfo.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard let dash = fields.firstIndex(of: "-"), dash + 3 < fields.count, dash > 4 else { return nil }
      let type = fields[dash + 1]
      guard type == "cgroup2" || type == "cgroup" else { return nil }
      return CgroupMount(
        folder: unescape(fields[4]), isV2: type == "cgroup2",
        controllers: type == "cgroup" ? fields[dash + 3].split(separator: ",") : [], isWhole: fields[3] == "/")
    }
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
