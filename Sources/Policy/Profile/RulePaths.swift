/// The folders that the path rules of a profile run through. In a container some of them can be links.
package struct RulePaths: Equatable, Sendable {
  /// How many folders are looked at for one container.
  package static let foldersMaximum = 256

  package struct Folder: Equatable, Sendable {
    @ExactText package var name: String
    /// Index of the folder above. nil: the container's root.
    package var parent: Int?
  }

  /// A rule, with the folder that it is about, or in which its file lies.
  package struct Rule: Equatable, Sendable {
    package var section: RuleAlias.Section
    package var index: Int
    /// Index into `folders`; nil: the container's root.
    package var folder: Int?
    /// The name of the file; nil: the rule is about the folder.
    package var name: String?
  }

  /// A folder comes after the folder above it.
  package private(set) var folders: [Folder] = []
  package private(set) var rules: [Rule] = []
  /// The first rule for which there are too many folders. Links on the way of such rules are not looked for.
  package private(set) var firstLeftOut: Location?

  package init(of profile: Profile) {
    var known: [Folder: Int] = [:]
    for (section, rules) in [(RuleAlias.Section.process, profile.process?.rules), (.file, profile.fileAccess?.rules)] {
      for (index, rule) in (rules ?? []).enumerated() { add(rule, section, index, &known) }
    }
  }

  private mutating func add(
    _ rule: PathRule, _ section: RuleAlias.Section, _ index: Int, _ known: inout [Folder: Int]
  ) {
    var names = rule.path.pathNames
    let name = rule.isDirectory ? nil : names.removeLast()
    var folder: Int?
    for name in names {
      let next = Folder(name: name, parent: folder)
      if let place = known[next] {
        folder = place
      } else if folders.count < Self.foldersMaximum {
        folders.append(next)
        known[next] = folders.count - 1
        folder = folders.count - 1
      } else {
        firstLeftOut = firstLeftOut ?? rule.location
        return
      }
    }
    rules.append(Rule(section: section, index: index, folder: folder, name: name))
  }
}

extension RulePaths.Folder: Hashable {}
