import Policy
import YAML

/// A path, or paths that no rule of either profile tells apart.
enum Place: Hashable {
  case path(ExactText)
  /// What is right in a folder and has no rule of its own.
  case directlyIn(ExactText)
  /// What is deeper in a folder and has no rule of its own.
  case below(ExactText)
  /// Paths that are too long to be looked up.
  case overLong

  /// No rule's path has a control character.
  private static let unnamed = "\n"

  /// One path that stands for all of them.
  var example: [UInt8] {
    switch self {
    case .path(let path): Array(path.wrappedValue.utf8)
    case .directlyIn(let folder): Array("\(folder.wrappedValue)/\(Self.unnamed)".utf8)
    case .below(let folder): Array("\(folder.wrappedValue)/\(Self.unnamed)/\(Self.unnamed)".utf8)
    case .overLong: [UInt8](repeating: UInt8(ascii: "/"), count: ProcessSection.pathMaxBytes + 1)
    }
  }

  /// Whether everything in this place lies also below `folder`.
  func isBelow(_ folder: ExactText) -> Bool {
    let start = "\(folder.wrappedValue)/".utf8
    return switch self {
    case .path(let inner), .directlyIn(let inner), .below(let inner): inner.wrappedValue.utf8.starts(with: start)
    case .overLong: false
    }
  }

  /// Every place that rules of these paths tell apart. A folder's path has no trailing slash: the root is empty.
  static func all(of rules: [PathRule]) -> [Place] {
    let files = Set(rules.filter { !$0.isDirectory }.map { ExactText($0.path) }).sorted()
    let folders = Set(rules.filter(\.isDirectory).map(\.folder) + [ExactText("")]).sorted()
    return files.map { .path($0) } + folders.flatMap { [.directlyIn($0), .below($0)] } + [.overLong]
  }

  /// Several places in words. What lies in another of them is left out.
  static func text(of places: [Place]) -> String {
    let folders = places.compactMap { if case .below(let folder) = $0 { folder } else { nil } }
    let kept = places.filter { place in !folders.contains { place.isBelow($0) } }
    let names = kept.compactMap { $0.name(in: Set(kept)) }
    let rest = names.count - namesMax
    return names.prefix(namesMax).joined(separator: ", ") + (rest > 0 ? " and \(rest) more places" : "")
  }

  /// How many a line names.
  private static let namesMax = 8

  /// nil: another place of the list says it too.
  private func name(in places: Set<Place>) -> String? {
    switch self {
    case .path(let path): return printable(path.wrappedValue)
    case .directlyIn(let folder):
      if places.contains(.below(folder)) { return Place.everything(in: folder) }
      return "other files right in \(printable(folder.wrappedValue))/"
    case .below(let folder):
      if places.contains(.directlyIn(folder)) { return nil }
      return "other files in folders of \(printable(folder.wrappedValue))/"
    case .overLong: return "paths of more than \(ProcessSection.pathMaxBytes) bytes"
    }
  }

  private static func everything(in folder: ExactText) -> String {
    folder.wrappedValue.isEmpty ? "all other files" : "other files below \(printable(folder.wrappedValue))/"
  }
}

extension PathRule {
  /// Of a directory, without a slash: the root is empty.
  fileprivate var folder: ExactText { ExactText(path == "/" ? "" : path) }
}

/// A section's rules by their paths, so that a path's rules are found among thousands.
struct RuleIndex {
  private let rules: [PathRule]
  private var files: [ExactText: [Int]] = [:]
  private var folders: [ExactText: [Int]] = [:]
  /// By folder: the rules whose path lies below it.
  private var below: [ExactText: [Int]] = [:]

  init(_ rules: [PathRule]) {
    self.rules = rules
    for (index, rule) in rules.enumerated() {
      if rule.isDirectory {
        folders[rule.folder, default: []].append(index)
      } else {
        files[ExactText(rule.path), default: []].append(index)
      }
      // A directory's path ends with a slash, so it lies below itself.
      for folder in Self.folders(of: rule.isDirectory ? rule.matchedBytes : Array(rule.path.utf8)) {
        below[folder, default: []].append(index)
      }
    }
  }

  /// Every folder that some rule's path lies below.
  var folderNames: Set<ExactText> { Set(below.keys) }

  /// The rules that may match the path, each with its number as its origin.
  func rules(for path: [UInt8]) -> [PathRule] {
    let text = ExactText(String(decoding: path, as: UTF8.self))
    return numbered((files[text] ?? []) + Self.folders(of: path).flatMap { folders[$0] ?? [] })
  }

  /// Also those about what lies below the path.
  func rules(forTree path: ExactText) -> [PathRule] {
    let around = Self.folders(of: Array(path.wrappedValue.utf8)) + [path]
    let own = Set((files[path] ?? []) + around.flatMap { folders[$0] ?? [] })
    return numbered(Array(own.union(below[path] ?? [])))
  }

  /// All of them.
  var all: [PathRule] { numbered(Array(rules.indices)) }

  private func numbered(_ found: [Int]) -> [PathRule] {
    found.sorted().map { index in
      var rule = rules[index]
      rule.origin = rules.number(index)
      return rule
    }
  }

  /// `/a/b/c` lies in ``, `/a` and `/a/b`.
  private static func folders(of path: [UInt8]) -> [ExactText] {
    path.indices.filter { path[$0] == UInt8(ascii: "/") }.map {
      ExactText(String(decoding: path[..<$0], as: UTF8.self))
    }
  }
}
