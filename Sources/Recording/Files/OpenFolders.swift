import Policy

/// Which folders a rule that was not written by a person may open, of a recording.
struct OpenFolders {
  /// Folders that very different things share. They are never opened with everything below them.
  private static let shared: Set<NamedPath> = Set(
    """
    / /bin /boot /dev /etc /home /lib /lib32 /lib64 /libx32 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr
    /usr/local /usr/bin /usr/sbin /var /var/cache /var/lib /var/log /var/run /var/spool /var/tmp
    """.split(whereSeparator: \.isWhitespace).map { NamedPath(String($0)) })
  /// Of these, not even what lies directly in them.
  private static let closed: Set<NamedPath> = Set(
    ["/", "/boot", "/dev", "/etc", "/home", "/proc", "/root", "/sys", "/usr", "/var"].map { NamedPath($0) })
  /// What the system is made of: a folder in it is never opened for Write.
  private static let system: Set<String> = [
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "usr",
  ]
  /// Folders within, in which files of a process lie.
  private static let writable = ["/dev/shm", "/dev/mqueue", "/dev/pts"].map { NamedPath($0) }
  private static let local = NamedPath("/usr/local")
  private static let localSystem: Set<String> = [
    "bin", "sbin", "lib", "lib64", "libexec", "share", "etc", "include", "src", "games", "man",
  ]

  /// Folders in which a secret lies.
  private var withSecret: Set<NamedPath> = []
  /// Folders in which a secret lies, however deep.
  private var aboveSecret: Set<NamedPath> = []

  /// - Parameter paths: everything that was used.
  init(paths: some Sequence<NamedPath>) {
    for path in paths where SecretPath.matches(path) {
      withSecret.insert(path.folder)
      for count in 0...min(path.folder.names.count, NamedPath.namesMax) { aboveSecret.insert(path.first(count)) }
    }
  }

  func allow(_ target: FileTarget, _ access: Access) -> Bool {
    let folder = target.path
    if target.extent == .file { return true }
    if folder.names.count > NamedPath.namesMax || SecretPath.holds(folder) || Self.isOfHome(folder) { return false }
    if access == .write, Self.isOfSystem(folder) { return false }
    return target.extent == .folder
      ? !Self.closed.contains(folder) && !withSecret.contains(folder)
      : !Self.shared.contains(folder) && !aboveSecret.contains(folder)
  }

  /// A user's own folder, and the folders in it that begin with a dot.
  private static func isOfHome(_ folder: NamedPath) -> Bool {
    let names = folder.names.map { String(decoding: $0, as: UTF8.self) }
    guard names.first == "home" || names.first == "root" else { return false }
    let inner = names.dropFirst(names.first == "home" ? 2 : 1)
    return inner.isEmpty || inner.first?.hasPrefix(".") == true
  }

  private static func isOfSystem(_ folder: NamedPath) -> Bool {
    let names = folder.names.map { String(decoding: $0, as: UTF8.self) }
    guard let first = names.first, system.contains(first) else { return false }
    if writable.contains(where: folder.isAtOrIn) { return false }
    // A server that was unpacked there, with its logs: /usr/local/tomcat/logs.
    return !(folder.isAtOrIn(local) && names.count > 3 && !localSystem.contains(names[2]))
  }
}
