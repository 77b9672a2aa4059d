import Policy

/// A path as the names of its folders and of its file. Names are bytes: texts that only look alike are different names.
struct NamedPath: Hashable {
  /// Paths that go deeper are never generalised, so that the work for one path has a bound.
  static let namesMax = 32

  var names: [[UInt8]]

  init(names: [[UInt8]]) { self.names = names }

  init(_ bytes: [UInt8]) { names = bytes.split(separator: UInt8(ascii: "/")).map { Array($0) } }

  init(_ text: String) { self.init(Array(text.utf8)) }

  var bytes: [UInt8] { names.isEmpty ? [UInt8(ascii: "/")] : names.flatMap { [UInt8(ascii: "/")] + $0 } }

  var folder: NamedPath { first(max(0, names.count - 1)) }

  func first(_ count: Int) -> NamedPath { NamedPath(names: Array(names.prefix(count))) }

  /// Whether the path is `folder`, or lies somewhere in it.
  func isAtOrIn(_ folder: NamedPath) -> Bool { names.starts(with: folder.names) }

  /// As a rule can name it; nil: no rule can.
  func text(isDirectory: Bool) -> String? {
    guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
    return PathSyntax.problem(text, isDirectory: isDirectory) == nil ? text : nil
  }
}

extension NamedPath: Comparable {
  static func < (a: Self, b: Self) -> Bool {
    a.names.lexicographicallyPrecedes(b.names) { $0.lexicographicallyPrecedes($1) }
  }
}

/// What a rule about files means.
struct FileTarget: Hashable, Comparable {
  enum Extent: Int, Comparable {
    /// The path alone.
    case file
    /// What lies in it.
    case folder
    /// What lies in it, however deep.
    case tree

    static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  var path: NamedPath
  var extent: Extent

  init(_ path: NamedPath, _ extent: Extent) { (self.path, self.extent) = (path, extent) }

  static func < (a: Self, b: Self) -> Bool { (a.path, a.extent) < (b.path, b.extent) }

  /// The targets that mean everything that this one means, the narrowest first.
  var covering: [FileTarget] {
    let isFile = extent == .file && !path.names.isEmpty
    let outer = isFile ? [FileTarget(path.folder, .folder)] : [FileTarget(path, .folder), FileTarget(path, .tree)]
    // No target lies deeper.
    let ancestors = (0..<min(path.names.count, NamedPath.namesMax + 1)).reversed().map {
      FileTarget(path.first($0), .tree)
    }
    return (extent == .file ? [self] : []) + (isFile ? outer : outer.filter { $0.extent >= extent }) + ancestors
  }
}
