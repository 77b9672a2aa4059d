import Policy

/// Many files of a folder -> everything in the folder. Many folders of a folder -> everything below it.
struct Siblings {
  /// So many files, or folders, of a folder get rules of their own.
  static let max = 5

  let folders: OpenFolders
  let access: Access
  /// Those of which no other rule says what they become.
  let listed: Set<NamedPath>

  /// - Parameter paths: everything that was used by this access, each once.
  func targets(of paths: [NamedPath]) -> [FileTarget] { targets(paths.sorted()[...], depth: 0) }

  /// - Parameter depth: how many names all of the paths share.
  private func targets(_ paths: ArraySlice<NamedPath>, depth: Int) -> [FileTarget] {
    guard let first = paths.first, depth < NamedPath.namesMax else { return files(paths) }
    let folder = first.first(depth)
    let inner = paths.drop { $0.names.count == depth }
    let groups = Self.groups(inner, depth)
    let files = files(inner.filter { $0.names.count == depth + 1 })
    let deeper = groups.map { $0.drop { $0.names.count == depth + 1 } }.filter { !$0.isEmpty }
    let tree = FileTarget(folder, .tree)
    // The folder's own path, if it was listed, is not in it.
    let own = self.files(paths.prefix(paths.count - inner.count))
    if deeper.count > Self.max, folders.allow(tree, access) { return own + [tree] }
    let isOpen = files.count > Self.max && folders.allow(FileTarget(folder, .folder), access)
    let found = isOpen ? [FileTarget(folder, .folder)] : files
    return own + found + deeper.flatMap { targets($0, depth: depth + 1) }
  }

  private func files(_ paths: ArraySlice<NamedPath>) -> [FileTarget] {
    paths.filter(listed.contains).map { FileTarget($0, .file) }
  }

  /// The paths by the name at `depth`. They are sorted, so those of one name stand together.
  private static func groups(_ paths: ArraySlice<NamedPath>, _ depth: Int) -> [ArraySlice<NamedPath>] {
    var groups: [ArraySlice<NamedPath>] = []
    var rest = paths
    while let first = rest.first {
      let group = rest.prefix { $0.names[depth] == first.names[depth] }
      groups.append(group)
      rest = rest.dropFirst(group.count)
    }
    return groups
  }
}
