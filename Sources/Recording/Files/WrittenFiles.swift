import Policy

/// Who writes a file knows what is in it: Write of a file -> also Read of it.
///
/// Not where reading gives back something else than what was written, as for devices. A file that looks like a secret
/// may hold what somebody else wrote.
enum WrittenFiles {
  private static let others = ["/dev", "/proc", "/sys"].map { NamedPath($0) }
  private static let memory = NamedPath("/dev/shm")

  /// The uses with those that follow from them. These are counted as 0.
  static func readable(_ files: [Recording.FileUse: UInt64]) -> [Recording.FileUse: UInt64] {
    var all = files
    for use in files.keys where use.access == .write && isReadable(NamedPath(use.path)) {
      all[.init(path: use.path, access: .read), default: 0] += 0
    }
    return all
  }

  static func isReadable(_ path: NamedPath) -> Bool {
    if SecretPath.matches(path) { return false }
    return path.isAtOrIn(memory) || !others.contains(where: path.isAtOrIn)
  }
}
