/// What an access to a path reaches.
package enum FileReach: CaseIterable, Sendable {
  /// The file alone.
  case file
  /// Also what rules name below it: another file takes the place of the folder that the rules mean.
  case names
  /// Also everything below it: a folder moves with everything that it holds.
  case tree
}

extension Profile {
  /// Decides an access to one path. Of everything that is accessed, the strictest decision counts.
  ///
  /// - Parameters:
  ///   - path: from the container's root, fully resolved.
  ///   - access: one or more.
  package func decideFile(
    path: some Sequence<UInt8>, access: Set<Access>, reach: FileReach = .file
  ) -> Decision {
    fileAccess?.decide(path: Array(path), access: access, reach: reach) ?? Decision(.allow, .noSection)
  }

  package func decideFile(path: String, access: Set<Access>, reach: FileReach = .file) -> Decision {
    decideFile(path: path.utf8, access: access, reach: reach)
  }
}

extension FileSection {
  /// For a file whose path cannot be found out, or cannot be looked up.
  package var strictest: Action { rules.map(\.action).reduce(defaultAction, max) }

  func decide(path: [UInt8], access: Set<Access>, reach: FileReach) -> Decision {
    if path.count > ProcessSection.pathMaxBytes { return Decision(strictest, .overLongPath) }
    let found = Access.allCases.filter(access.contains).flatMap { decisions(path, $0, reach) }
    // Of equal decisions, the first counts.
    return found.reduce(found[0]) { $1.action > $0.action ? $1 : $0 }
  }

  private func decisions(_ path: [UInt8], _ access: Access, _ reach: FileReach) -> [Decision] {
    var found = [decide(path, access)]
    // No rule's path has a control character.
    if reach == .tree { found.append(decide(path + "/\n/\n".utf8, access)) }
    let folder = path + [UInt8(ascii: "/")]
    let below = rules.indices.filter {
      rules[$0].access.contains(access) && rules[$0].matchedBytes.starts(with: folder)
    }
    if reach != .file, let rule = rules.strictest(of: below) {
      found.append(Decision(rules[rule].action, .rule, rule: rules.number(rule)))
    }
    return found
  }

  private func decide(_ path: [UInt8], _ access: Access) -> Decision {
    guard let rule = rules.deciding(path, access: access) else { return Decision(defaultAction, .defaultAction) }
    return Decision(rules[rule].action, .rule, rule: rules.number(rule))
  }
}
