import Policy

/// What is known of one path that was used.
struct UsedPath {
  var path: NamedPath
  var access: Access
  /// Whether the workload wrote the file, by this access or another.
  var isWritten: Bool
}

/// A rule by which the use of one path becomes a rule about more than this path. docs/recording.md lists them.
protocol Generalisation {
  /// Whether the target holds although the folder is one that others share.
  static var opensShared: Bool { get }
  /// nil: the rule is not about this path.
  static func target(of used: UsedPath) -> FileTarget?
}

extension Generalisation {
  static var opensShared: Bool { false }
}

enum Generalisations {
  /// The first that is about a path decides.
  static let all: [any Generalisation.Type] = [
    ProcessFolders.self, SoftwareFolders.self, TemporaryFolders.self, VolatileFolders.self, VolatileFiles.self,
    UnnameableFiles.self,
  ]
}

/// `/proc/123/status` -> everything in /proc, since the next run has other numbers.
enum ProcessFolders: Generalisation {
  static let opensShared = true

  static func target(of used: UsedPath) -> FileTarget? {
    let names = used.path.names
    guard names.count > 1, names[0] == Array("proc".utf8), names[1].allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return FileTarget(used.path.first(1), .tree)
  }
}

/// What packages install is no secret: Read of /usr/lib/python3/os.py -> Read of everything in /usr/lib.
enum SoftwareFolders: Generalisation {
  static let opensShared = true
  static let folders =
    """
    /lib /lib32 /lib64 /libx32 /usr/lib /usr/lib32 /usr/lib64 /usr/libx32 /usr/libexec /usr/share /usr/local/lib
    /usr/local/lib64 /usr/local/share
    """.split(whereSeparator: \.isWhitespace).map { NamedPath(String($0)) }

  static func target(of used: UsedPath) -> FileTarget? {
    guard used.access == .read, !used.isWritten else { return nil }
    return folders.first { used.path.isAtOrIn($0) && used.path != $0 }.map { FileTarget($0, .tree) }
  }
}

/// `/tmp/x` -> everything in /tmp; `/tmp/x/y` -> everything below it.
enum TemporaryFolders: Generalisation {
  static let opensShared = true
  static let folders = ["/tmp", "/var/tmp", "/dev/shm"].map { NamedPath($0) }

  static func target(of used: UsedPath) -> FileTarget? {
    guard let folder = folders.first(where: { used.path.isAtOrIn($0) && used.path != $0 }) else { return nil }
    return FileTarget(folder, used.path.names.count == folder.names.count + 1 ? .folder : .tree)
  }
}

/// `/var/lib/app/2026-01-31/x` -> everything below /var/lib/app.
enum VolatileFolders: Generalisation {
  static func target(of used: UsedPath) -> FileTarget? {
    let folders = used.path.names.dropLast()
    return folders.firstIndex(where: VolatileName.matchesFolder).map { FileTarget(used.path.first($0), .tree) }
  }
}

/// `/var/lib/app/x8Kq2P` -> everything in /var/lib/app.
enum VolatileFiles: Generalisation {
  static func target(of used: UsedPath) -> FileTarget? {
    guard let name = used.path.names.last else { return nil }
    let isVolatile = used.isWritten ? VolatileName.matchesOwn(name) : VolatileName.matches(name)
    return isVolatile ? FileTarget(used.path.folder, .folder) : nil
  }
}

/// A path that no rule can name -> the nearest folder that a rule can name.
enum UnnameableFiles: Generalisation {
  static func target(of used: UsedPath) -> FileTarget? {
    if used.path.text(isDirectory: false) != nil { return nil }
    let inner = used.path.folder
    let counts = (0...min(inner.names.count, NamedPath.namesMax)).reversed()
    guard let count = counts.first(where: { inner.first($0).text(isDirectory: true) != nil }) else { return nil }
    return FileTarget(inner.first(count), count == inner.names.count ? .folder : .tree)
  }
}
