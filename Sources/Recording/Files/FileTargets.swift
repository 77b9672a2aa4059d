import Policy

/// What the files of a recording become: what rules are about, with the accesses that were seen.
struct FileTargets {
  private(set) var accesses: [FileTarget: Set<Access>] = [:]
  /// How often, by the narrowest target that covers the use.
  private(set) var counts: [FileTarget: UInt64] = [:]
  /// Uses that no rule can name, and for which no folder may be opened.
  private(set) var leftOut: [Recording.FileUse] = []

  init(_ seen: [Recording.FileUse: UInt64]) {
    let files = WrittenFiles.readable(seen)
    let paths = Dictionary(grouping: files.keys, by: \.path).map { (NamedPath($0), $0, Set($1.map(\.access))) }
    let folders = OpenFolders(paths: paths.lazy.map(\.0))
    for access in Access.allCases {
      let used = paths.filter { $2.contains(access) }
      let uses = used.map { UsedPath(path: $0.0, access: access, isWritten: $0.2.contains(.write)) }
      let targets = Self.targets(of: uses, folders)
      count(zip(used, uses).map { (seen[.init(path: $0.1, access: access)], $1) }, targets)
      for target in targets { accesses[target, default: []].insert(access) }
    }
    addListings()
    leftOut.sort { ($0.path, $0.access.rawValue) < ($1.path, $1.access.rawValue) }
  }

  /// Who makes files in a folder may list it. To list a folder is to read its own path.
  private mutating func addListings() {
    for (target, access) in accesses where access.contains(.write) && target.extent != .file {
      let listing = FileTarget(target.path, .file)
      let isReadable = listing.covering.contains { accesses[$0]?.contains(.read) == true }
      if !isReadable, WrittenFiles.isReadable(target.path), target.path.text(isDirectory: false) != nil {
        accesses[listing, default: []].insert(.read)
      }
    }
  }

  private static func targets(of uses: [UsedPath], _ folders: OpenFolders) -> Set<FileTarget> {
    guard let access = uses.first?.access else { return [] }
    var targets: Set<FileTarget> = []
    var (used, listed): ([NamedPath], Set<NamedPath>) = ([], [])
    for use in uses {
      if let (target, isShared) = generalised(use, folders) {
        targets.insert(target)
        if !isShared { used.append(use.path) }
      } else if SecretPath.matches(use.path) {
        targets.insert(FileTarget(use.path, .file))
      } else {
        used.append(use.path)
        listed.insert(use.path)
      }
    }
    targets.formUnion(Siblings(folders: folders, access: access, listed: listed).targets(of: used))
    targets = targets.filter { $0.path.text(isDirectory: $0.extent != .file) != nil }
    return targets.filter { target in !target.covering.contains { $0 != target && targets.contains($0) } }
  }

  /// - Returns: also whether the folder is one that very different things share.
  private static func generalised(_ use: UsedPath, _ folders: OpenFolders) -> (FileTarget, isShared: Bool)? {
    if SecretPath.matches(use.path) || use.path.folder.names.count > NamedPath.namesMax { return nil }
    for rule in Generalisations.all {
      guard let target = rule.target(of: use) else { continue }
      if rule.opensShared || folders.allow(target, use.access) { return (target, rule.opensShared) }
    }
    return nil
  }

  /// - Parameter uses: with how often; nil: it only follows from another use.
  private mutating func count(_ uses: [(UInt64?, UsedPath)], _ targets: Set<FileTarget>) {
    for (count, use) in uses {
      if let target = FileTarget(use.path, .file).covering.first(where: targets.contains) {
        counts[target] = (counts[target] ?? 0).addingOrMax(count ?? 0)
      } else if count != nil {
        leftOut.append(.init(path: use.path.bytes, access: use.access))
      }
    }
  }
}

extension UInt64 {
  /// A count that stays at its end.
  func addingOrMax(_ other: UInt64) -> UInt64 {
    let (sum, isOver) = addingReportingOverflow(other)
    return isOver ? .max : sum
  }
}

/// Bytes in the order of paths.
func < (a: ([UInt8], String), b: ([UInt8], String)) -> Bool {
  a.0 == b.0 ? a.1 < b.1 : a.0.lexicographicallyPrecedes(b.0)
}
