import BPF
import System

/// A container's cgroup within a hierarchy, from the `cgroups_path` of the NRI payload. Its bytes are looked at, as the
/// kernel does: for Swift a slash and an accent behind it are one other character.
package struct CgroupPath: Hashable, Sendable, CustomStringConvertible {
  /// Absolute in the hierarchy, no trailing slash, no `.` or `..`: `/k8s.io/ID`.
  package let path: String

  /// Longer than any real one; the kernel's own limit for the whole path is PATH_MAX.
  package static let maximumBytes = 2048

  package var description: String { path }

  /// - Parameter payload: `/parent/id` (cgroupfs driver) or `slice:prefix:name` (systemd driver).
  package init(payload: String) throws(EnforcementError) {
    guard !payload.isEmpty else { throw .badCgroupPath(payload, "is empty") }
    guard payload.utf8.count <= Self.maximumBytes else {
      throw .badCgroupPath(String(payload.prefix(64)) + "…", "is over \(Self.maximumBytes) bytes")
    }
    guard !payload.utf8.contains(0) else { throw .badCgroupPath(payload, "contains a NUL") }
    let parts = payload.parts(between: ":", omittingEmpty: false)
    if parts.count == 3, !payload.hasPrefix("/") {
      path = try Self.systemd(slice: parts[0], prefix: parts[1], name: parts[2], payload: payload)
    } else {
      path = try Self.normalised(payload, payload: payload)
    }
    // The kernel's programs look for a container's cgroup among this many levels.
    guard path.utf8.count(where: { $0 == UInt8(ascii: "/") }) <= ContainerEntry.cgroupLevelsMax else {
      throw .badCgroupPath(
        String(payload.prefix(64)) + "…", "is nested deeper than \(ContainerEntry.cgroupLevelsMax) levels")
    }
  }

  /// Whether a process's cgroup is this one or below it. Bytes are compared: as texts, two strings are equal even if
  /// their characters are composed differently.
  package func contains(_ other: String) -> Bool {
    other.utf8.elementsEqual(path.utf8) || other.utf8.starts(with: "\(path)/".utf8)
  }

  private static func normalised(_ text: String, payload: String) throws(EnforcementError) -> String {
    let parts = text.parts(between: "/")
    guard !parts.isEmpty else { throw .badCgroupPath(payload, "names the root of the hierarchy") }
    for part in parts where part == "." || part == ".." {
      throw .badCgroupPath(payload, "contains \"\(part)\"")
    }
    return "/" + parts.joined(separator: "/")
  }

  /// systemd nests a slice by the dashes of its name: `a-b.slice` lies in `a.slice`. systemd.slice(5).
  private static func systemd(
    slice: Substring, prefix: Substring, name: Substring, payload: String
  ) throws(EnforcementError) -> String {
    guard !name.isEmpty else { throw .badCgroupPath(payload, "names no unit") }
    let unit = name.hasSuffix(".slice") ? String(name) : "\(prefix)-\(name).scope"
    guard !unit.utf8.contains(UInt8(ascii: "/")) else { throw .badCgroupPath(payload, "has a unit name with a slash") }
    return try normalised(
      expand(slice: slice.isEmpty ? "system.slice" : slice, payload: payload) + "/" + unit, payload: payload)
  }

  /// The folder of a slice: `/a.slice/a-b.slice` for `a-b.slice`, empty for the root slice.
  package static func expand(slice: Substring, payload: String) throws(EnforcementError) -> String {
    guard slice.hasSuffix(".slice"), !slice.utf8.contains(UInt8(ascii: "/")) else {
      throw .badCgroupPath(payload, "has no valid slice name in \"\(slice)\"")
    }
    let stem = slice.dropLast(".slice".count)
    if stem == "-" { return "" }
    var path = ""
    var prefix = ""
    for part in stem.parts(between: "-", omittingEmpty: false) {
      guard !part.isEmpty else { throw .badCgroupPath(payload, "has an empty part in slice \"\(slice)\"") }
      prefix += part
      path += "/\(prefix).slice"
      prefix += "-"
    }
    return path
  }
}

extension CgroupPath {
  /// The cgroup of a whole pod, if it belongs to that pod alone: its last part must carry the pod's uid, as the kubelet
  /// makes it. Otherwise nil: a parent that several pods share must never be closed for one of them.
  ///
  /// - Parameter cgroupParent: `/kubepods/…/podUID`, or the systemd driver's `kubepods-…-podUID.slice`.
  package init?(pod uid: String, cgroupParent: String) {
    guard uid.utf8.count >= 8, let last = cgroupParent.parts(between: "/").last else { return nil }
    // systemd reads a dash as a level, so the kubelet writes the uid with underscores there.
    func escaped() -> String { String(uid.map { $0 == "-" ? "_" : $0 }) }
    guard last == "pod\(uid)" || last.hasSuffix("-pod\(escaped()).slice") else { return nil }
    if last.hasSuffix(".slice"), !cgroupParent.utf8.contains(UInt8(ascii: "/")) {
      guard let path = try? Self.expand(slice: last, payload: cgroupParent) else { return nil }
      try? self.init(payload: path)
    } else {
      try? self.init(payload: cgroupParent.hasPrefix("/") ? cgroupParent : "/" + cgroupParent)
    }
  }
}
