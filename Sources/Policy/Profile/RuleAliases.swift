import YAML

/// Another path that a rule is about, in a container whose root has links on the way that the rule names.
package struct RuleAlias: Hashable, Sendable {
  package enum Section: String, Sendable { case process, file }

  package var section: Section
  /// Index into the section's rules.
  package var rule: Int
  /// Where the links lead, from the container's root.
  @ExactText package var path: String
  /// Whether the links and what they lead to are the image's own. Without that a rule allows nothing there.
  package var isOfImage: Bool

  package init(section: Section, rule: Int, path: String, isOfImage: Bool) {
    (self.section, self.rule, self.path, self.isOfImage) = (section, rule, path, isOfImage)
  }
}

/// The aliases of a profile's rules in one container. Containers with equal aliases share a policy in the kernel.
package struct RuleAliases: Sendable {
  package let all: [RuleAlias]
  /// The hash of `all`. A profile may have thousands of rules, and a table is asked for aliases at each start.
  package let digest: Int

  package init(_ all: [RuleAlias] = []) {
    self.all = all
    digest = all.hashValue
  }

  package var isEmpty: Bool { all.isEmpty }
}

extension RuleAliases: Hashable {
  package static func == (a: Self, b: Self) -> Bool { a.digest == b.digest && a.all == b.all }
  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

extension Profile {
  /// The aliases that are the image's own, for the rules of another text of the profile. What a container does to its
  /// own links takes nothing away from them.
  ///
  /// - Parameters:
  ///   - found: what was found now.
  ///   - former: of the rules of `old`.
  package func aliases(_ found: RuleAliases, keeping former: RuleAliases, of old: Profile) -> RuleAliases {
    var all = found.all
    let known = Set(all)
    for alias in former.all where alias.isOfImage {
      let target = old.rule(alias.section, alias.rule).target
      for (index, rule) in rules(alias.section).enumerated() where rule.target == target {
        let kept = RuleAlias(section: alias.section, rule: index, path: alias.path, isOfImage: true)
        if !known.contains(kept) { all.append(kept) }
      }
    }
    return RuleAliases(all)
  }

  package func rules(_ section: RuleAlias.Section) -> [PathRule] {
    switch section {
    case .process: process?.rules ?? []
    case .file: fileAccess?.rules ?? []
    }
  }

  package func rule(_ section: RuleAlias.Section, _ index: Int) -> PathRule { rules(section)[index] }

  /// The profile with a further rule for each alias that says something. The further rules stand behind the others, and
  /// `origin` says which rule each of them stands for.
  ///
  /// An Allow holds at the alias only if the alias is the image's own and the rule has no `new: true`. Otherwise the
  /// strictest of the rule's argument rules, if any denies or audits, holds there for any arguments.
  package func following(_ aliases: RuleAliases) -> Profile {
    var profile = self
    for alias in aliases.all {
      switch alias.section {
      case .process: profile.process?.rules.follow(alias)
      case .file: profile.fileAccess?.rules.follow(alias)
      }
    }
    return profile
  }
}

extension [PathRule] {
  fileprivate mutating func follow(_ alias: RuleAlias) {
    var rule = self[alias.rule]
    rule.origin = alias.rule
    rule.path = alias.path
    if !rule.allows(at: alias) {
      if rule.strictest == .allow { return }
      (rule.action, rule.arguments) = (rule.strictest, [])
    }
    rule.allowNew = false
    // One rule decides about a path, with its own argument rules. So where two would have to, neither allows anything.
    let others = filter { $0.matchedBytes == rule.matchedBytes && $0.arguments != rule.arguments }
    if !rule.arguments.isEmpty, others.contains(where: { !$0.arguments.isEmpty }) {
      (rule.action, rule.arguments) = (others.map(\.strictest).reduce(rule.strictest, Swift.max), [])
    }
    append(rule)
  }
}

extension PathRule {
  /// Whether the rule holds at the alias as it is written.
  fileprivate func allows(at alias: RuleAlias) -> Bool { action != .allow || (alias.isOfImage && !allowNew) }
}

extension Profile {
  /// What links of a container's root make of the rules.
  ///
  /// - Returns: `held`: rules that hold where links lead, `process.rules[0] Block /bin/id (web.yaml:9) at /usr/bin/id`.
  ///   `wide`: rules that hold and block a file which has another name, and to which other links may lead as well.
  ///   `idle`: rules that allow nothing there.
  package func effects(of aliases: RuleAliases) -> (held: [String], wide: [String], idle: [IdlePart]) {
    var effects: (held: [String], wide: [String], idle: [IdlePart]) = ([], [], [])
    for alias in aliases.all {
      let rule = rule(alias.section, alias.rule)
      let name = rule.name(alias.section.rawValue, alias.rule)
      let text = "\(name) (\(rule.location)) at \(alias.path)"
      if rule.allows(at: alias) {
        // `/bin/wget` that leads to `/bin/busybox`.
        let isWide = !rule.isDirectory && rule.strictest == .block && rule.path.lastName != alias.path.lastName
        if isWide { effects.wide.append(text) } else { effects.held.append(text) }
      } else {
        effects.idle.append(idlePart(name, rule, at: alias.path))
      }
    }
    return effects
  }

  private func idlePart(_ name: String, _ rule: PathRule, at path: String) -> IdlePart {
    IdlePart(
      name, at: rule.location, "allows nothing",
      "a link leads it to \(quoted(path)), "
        + (rule.allowNew ? "and a rule with new: true follows no link" : "which is no file of the image's own"),
      "name \(path) in the rule, if you trust what is there")
  }
}

extension String {
  fileprivate var lastName: [UInt8] { utf8.split(separator: UInt8(ascii: "/")).last.map { Array($0) } ?? [] }
}
