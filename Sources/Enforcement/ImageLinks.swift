import BPF
import Glibc
import Policy
import System

/// Where the links of a container's root lead the rules of a profile. The search goes name by name and stays on the
/// root's own mount, so it never goes through a volume.
package struct ImageLinks {
  /// Links that lead to links, on the way of one rule.
  private static let linksMaximum = 40
  /// Names in a way. A longer path can stand in no rule.
  private static let namesMaximum = PathSyntax.maxBytes / 2
  /// Names that links say, for all rules of one container: an image's links can say more of them than anybody needs.
  package static let namesOfLinksMaximum = 16_384

  /// Where a way has led so far.
  private struct Way {
    /// What was found there; nil: nothing, or a volume.
    var place: FileDescriptor?
    /// The names from the container's root down; nil: no rule can have them.
    var names: [String]? = []
    /// Whether every link on the way is the image's own.
    var isOfImage = true
    var links = 0

    static func nowhere(after links: Int) -> Way { Way(place: nil, names: nil, isOfImage: false, links: links) }
  }

  private let root: FileDescriptor
  private let look: (FileDescriptor) throws(EnforcementError) -> FileLook
  private var namesOfLinks = 0
  /// The names in the root through which ways went.
  package private(set) var tops: Set<String> = []
  /// Whether links say more names than are followed. Then some rules have fewer aliases than they should.
  package private(set) var areCut = false

  /// - Parameter look: what a file is to the container.
  package init(root: FileDescriptor, look: @escaping (FileDescriptor) throws(EnforcementError) -> FileLook) {
    (self.root, self.look) = (root, look)
  }

  /// The aliases of a profile's rules here.
  package mutating func aliases(
    of profile: Profile, _ paths: RulePaths
  ) throws(EnforcementError) -> RuleAliases {
    var ways: [Way] = []
    for folder in paths.folders {
      ways.append(try enter(folder.name, folder.parent.map { ways[$0] } ?? start))
    }
    var aliases: [RuleAlias] = []
    let leadNowhere = ways.map { $0.place == nil && $0.links == 0 }
    for index in paths.rules.indices {
      let folder = paths.rules[index].folder
      if let folder, leadNowhere[folder] { continue }
      let way = folder.map { ways[$0] } ?? start
      if let alias = try alias(of: paths.rules[index], in: profile, from: way) { aliases.append(alias) }
    }
    return RuleAliases(aliases)
  }

  private var start: Way { Way(place: root) }

  /// nil: no link leads the rule anywhere.
  private mutating func alias(
    of rule: RulePaths.Rule, in profile: Profile, from folder: Way
  ) throws(EnforcementError) -> RuleAlias? {
    var way = folder
    if let name = rule.name {
      if folder.names?.isEmpty == true { tops.insert(name) }
      if folder.links == 0, try text(of: name, in: folder) == nil { return nil }
      way = try enter(name, folder)
    }
    guard way.links > 0, let path = path(way, isDirectory: rule.name == nil),
      profile.rule(rule.section, rule.index).path != path
    else { return nil }
    let isOfImage = way.isOfImage ? try way.place.map(isImages) ?? false : false
    return RuleAlias(section: rule.section, rule: rule.index, path: path, isOfImage: isOfImage)
  }

  private func isImages(_ file: FileDescriptor) throws(EnforcementError) -> Bool { try look(file).isOfImage }

  /// nil: a rule cannot have the path.
  private func path(_ way: Way, isDirectory: Bool) -> String? {
    guard let names = way.names, isDirectory || !names.isEmpty else { return nil }
    let path = "/" + names.joined(separator: "/")
    return PathSyntax.problem(path, isDirectory: isDirectory) == nil ? path : nil
  }

  private func text(of name: String, in way: Way) throws(EnforcementError) -> [UInt8]? {
    guard let place = way.place else { return nil }
    do throws(Errno) { return try FileSystem.linkText(name, in: place) } catch { throw .unreadableRoot(error) }
  }

  /// Goes on by one name, and by everything that a link of that name says.
  private mutating func enter(_ name: String, _ way: Way) throws(EnforcementError) -> Way {
    if way.names?.isEmpty == true { tops.insert(name) }
    var next = way
    switch try child(name, of: way) {
    case .found(let file): next.place = file
    case .none: next.place = nil
    case .link: return try follow(name, way)
    }
    next.names?.append(name)
    return next.names.map { $0.count > Self.namesMaximum } == true ? .nowhere(after: way.links) : next
  }

  private mutating func follow(_ name: String, _ way: Way) throws(EnforcementError) -> Way {
    guard way.links < Self.linksMaximum, let text = try text(of: name, in: way) else {
      return .nowhere(after: way.links + 1)
    }
    var next = text.first == UInt8(ascii: "/") ? start : way
    next.links = way.links + 1
    if way.isOfImage, case .found(let link) = try child(name, of: way, links: true) {
      next.isOfImage = try isImages(link)
    } else {
      next.isOfImage = false
    }
    for part in text.split(separator: UInt8(ascii: "/")) {
      namesOfLinks += 1
      if namesOfLinks > Self.namesOfLinksMaximum { areCut = true }
      // There can be files whose names are not UTF-8. No rule can have such a name.
      guard !areCut, let part = String(validating: part, as: UTF8.self) else { return .nowhere(after: next.links) }
      switch part {
      case ".": break
      case "..": next = try up(next)
      default: next = try enter(part, next)
      }
    }
    return next
  }

  private func up(_ way: Way) throws(EnforcementError) -> Way {
    var next = way
    _ = next.names?.popLast()
    guard let names = next.names else { return next }
    next.place = root
    if names.isEmpty { return next }
    do throws(Errno) {
      let path = "/" + names.joined(separator: "/")
      next.place = try FileSystem.find(path, in: root, withLinks: false, oneMount: true)
    } catch {
      if error.code != EXDEV { throw .unreadableRoot(error) }
      next.place = nil
    }
    return next
  }

  private func child(_ name: String, of way: Way, links: Bool = false) throws(EnforcementError) -> FileSystem.Child {
    guard let place = way.place else { return .none }
    do throws(Errno) { return try FileSystem.child(name, of: place, links: links) } catch {
      throw .unreadableRoot(error)
    }
  }
}
