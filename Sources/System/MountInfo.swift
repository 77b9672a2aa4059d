/// A mount as `/proc/PID/mountinfo` tells of it; proc(5).
package struct MountInfo: Equatable, Sendable {
  package var id: UInt64
  /// `s_dev` as the kernel has it: major << 20 | minor. This is not the device of stat(2), which differs if a file
  /// system has several devices (btrfs).
  package var device: UInt32
  /// The path of the mount's root in its file system.
  package var root: String
  /// As the process sees it from its own root.
  package var point: String
  package var type: String
  package var superOptions: [Substring]

  /// Whether a server has to be asked for what is below the mount. It may never answer.
  package var isRemote: Bool {
    type.hasPrefix("fuse") || ["nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs", "virtiofs"].contains(type)
  }

  /// In the order of the file: of two mounts at one point, the last one covers the first.
  package static func all(in text: String) -> [MountInfo] {
    text.split(separator: "\n").compactMap { MountInfo(line: $0) }
  }

  private init?(line: Substring) {
    // By bytes: a Character can be a space with an accent.
    let fields = line.utf8.split(separator: UInt8(ascii: " ")).map { Substring($0) }
    guard let dash = fields.firstIndex(of: "-"), dash > 5, dash + 3 < fields.count, let id = UInt64(fields[0]) else {
      return nil
    }
    let numbers = fields[2].split(separator: ":").compactMap { UInt32($0) }
    guard numbers.count == 2 else { return nil }
    self.id = id
    device = numbers[0] << 20 | numbers[1]
    (root, point) = (Self.unescape(fields[3]), Self.unescape(fields[4]))
    type = String(fields[dash + 1])
    superOptions = fields[dash + 3].split(separator: ",")
  }

  /// Whether folders of lower layers can be renamed in this overlay (redirect_dir=on). overlayfs shows the option only
  /// where it differs from the module's default.
  ///
  /// - Parameter isDefault: the default; nil: it cannot be found out, and counts as on.
  package func movesFolders(default isDefault: Bool? = Self.foldersMoveByDefault) -> Bool {
    let key = "redirect_dir="
    if let option = superOptions.last(where: { $0.hasPrefix(key) }) { return option == "\(key)on" }
    return isDefault ?? true
  }

  /// Whether overlays are mounted with redirect_dir=on if nothing else is said; nil: the module is not loaded.
  package static var foldersMoveByDefault: Bool? {
    (try? Files.text("/sys/module/overlay/parameters/redirect_dir"))?.hasPrefix("Y")
  }

  /// Space, tab, newline and backslash are written as `\040` and the like.
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
