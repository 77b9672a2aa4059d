import YAML

/// Joins a profile with what it extends. Values only: the layers were read before.
package struct ProfileResolver {
  /// Longest chain of `extends`.
  package static let depthMax = 8

  private let layers: [String: ProfileLayer]
  /// Why a base is missing, for messages: the folder that was searched.
  private let lookedIn: String

  package init(layers: [String: ProfileLayer], lookedIn: String) {
    self.layers = layers
    self.lookedIn = lookedIn
  }

  package func resolve(_ layer: ProfileLayer) throws(PolicyError) -> Profile {
    var order: [ProfileLayer] = []
    try collect(layer, chain: [], into: &order)
    var joined = order[0]
    for next in order.dropFirst() { joined.apply(next) }
    let profile = joined.finished()
    try check(profile, joined)
    return profile
  }

  /// Bases from left to right, each before what extends it; one that is reached twice counts once, at its first place.
  private func collect(
    _ layer: ProfileLayer, chain: [String], into order: inout [ProfileLayer]
  ) throws(PolicyError) {
    let chain = chain + [layer.name]
    for base in layer.extends {
      if chain.contains(base.name) {
        let cycle = (chain.drop { $0 != base.name } + [base.name]).joined(separator: " -> ")
        throw invalid(base.location, "extends makes a cycle: \(cycle); remove one of its steps")
      }
      guard chain.count < Self.depthMax else {
        throw invalid(base.location, "extends is deeper than \(Self.depthMax) profiles; join some of them")
      }
      if order.contains(where: { $0.name == base.name }) { continue }
      guard let next = layers[base.name] else { throw missing(base) }
      try collect(next, chain: chain, into: &order)
    }
    order.append(layer)
  }

  private func missing(_ base: ProfileLayer.Base) -> PolicyError {
    let advice = Suggestion.advice(for: base.name, among: layers.keys.sorted(), otherwise: "add it or remove it here")
    return invalid(base.location, "extends \(quoted(base.name)), which does not exist in \(lookedIn)\(advice)")
  }

  /// What only shows when the layers are joined.
  private func check(_ profile: Profile, _ joined: ProfileLayer) throws(PolicyError) {
    var problems: [Problem] = []
    if let problem = joined.unenforceableMinimumTier { problems.append(problem) }
    for (name, direction) in [("egress", profile.network.egress), ("ingress", profile.network.ingress)] {
      if let problem = direction?.limitProblem("spec.network.\(name)") { problems.append(problem) }
    }
    for rules in [profile.process?.rules ?? [], profile.fileAccess?.rules ?? []]
    where rules.count > PathRuleParser.rulesMax {
      let message = "with what it extends, the section has \(rules.count) rules; at most \(PathRuleParser.rulesMax) fit"
      problems.append(Problem(rules[rules.count - 1].location, message))
    }
    if !problems.isEmpty { throw .invalid(problems) }
  }

  private func invalid(_ location: Location, _ message: String) -> PolicyError {
    .invalid([Problem(location, message)])
  }
}

extension ProfileLayer {
  /// Sets what `child` sets; unites the rules, the child's in place of those that match the same.
  mutating func apply(_ child: ProfileLayer) {
    name = child.name
    location = child.location
    mode = child.mode ?? mode
    failurePolicy = child.failurePolicy ?? failurePolicy
    minimumTier = child.minimumTier ?? minimumTier
    acceptPartial = child.acceptPartial ?? acceptPartial
    requireFilter = child.requireFilter ?? requireFilter
    seccomp = child.seccomp ?? seccomp
    process = Self.join(process, child.process) { $0.apply($1) }
    fileAccess = Self.join(fileAccess, child.fileAccess) { $0.apply($1) }
    egress = Self.join(egress, child.egress) { $0.apply($1) }
    ingress = Self.join(ingress, child.ingress) { $0.apply($1) }
    kernelBlock = Self.join(kernelBlock, child.kernelBlock) { mine, theirs in
      mine += theirs.filter { !mine.contains($0) }
    }
    otherContainers = child.otherContainers ?? otherContainers
  }

  private static func join<Section>(
    _ base: Section?, _ child: Section?, _ apply: (inout Section, Section) -> Void
  ) -> Section? {
    guard var joined = base, let child else { return base ?? child }
    apply(&joined, child)
    return joined
  }

  /// With the defaults of docs/profile-reference.md.
  func finished() -> Profile {
    var profile = Profile(name: name, file: location.file)
    profile.mode = mode ?? profile.mode
    profile.failurePolicy = failurePolicy ?? profile.failurePolicy
    profile.minimumTier = minimumTier?.tier ?? profile.minimumTier
    profile.acceptPartial = acceptPartial ?? profile.acceptPartial
    profile.requireFilter = requireFilter ?? profile.requireFilter
    profile.seccomp = seccomp
    profile.process = process?.finished()
    profile.fileAccess = fileAccess?.finished()
    profile.network.egress = egress?.finished()
    profile.network.ingress = ingress?.finished()
    profile.kernelBlock = kernelBlock ?? []
    profile.otherContainers = otherContainers
    return profile
  }
}

extension ProfileLayer.Process {
  mutating func apply(_ child: Self) {
    defaultAction = child.defaultAction ?? defaultAction
    allowEntrypoint = child.allowEntrypoint ?? allowEntrypoint
    newExecutables = child.newExecutables ?? newExecutables
    fileless = child.fileless ?? fileless
    rules = united(rules, child.rules, by: \.match)
  }

  func finished() -> ProcessSection {
    var section = ProcessSection()
    section.defaultAction = defaultAction ?? section.defaultAction
    section.allowEntrypoint = allowEntrypoint ?? section.allowEntrypoint
    section.newExecutables = newExecutables ?? section.newExecutables
    section.fileless = fileless ?? section.fileless
    section.rules = rules
    return section
  }
}

extension ProfileLayer.FileAccess {
  mutating func apply(_ child: Self) {
    defaultAction = child.defaultAction ?? defaultAction
    rules = united(rules, child.rules, by: \.match)
  }

  func finished() -> FileSection {
    var section = FileSection()
    section.defaultAction = defaultAction ?? section.defaultAction
    section.rules = rules
    return section
  }
}

extension ProfileLayer.Direction {
  mutating func apply(_ child: Self) {
    defaultAction = child.defaultAction ?? defaultAction
    rules = united(rules, child.rules, by: \.match)
  }

  func finished() -> NetworkDirection {
    var section = NetworkDirection()
    section.defaultAction = defaultAction ?? section.defaultAction
    section.rules = rules
    return section
  }
}

extension PathRule {
  /// Two rules with the same match: the child's replaces the base's.
  struct Match: Hashable {
    var target: Target
    var access: Set<Access>
  }

  var match: Match { Match(target: target, access: access) }
}

/// `base` with each rule of `child` in the place of the one that matches the same, or at the end.
private func united<Rule, Match: Hashable>(_ base: [Rule], _ child: [Rule], by match: (Rule) -> Match) -> [Rule] {
  var rules = base
  var places = Dictionary(uniqueKeysWithValues: base.enumerated().map { (match($0.element), $0.offset) })
  for rule in child {
    if let place = places[match(rule)] {
      rules[place] = rule
    } else {
      places[match(rule)] = rules.count
      rules.append(rule)
    }
  }
  return rules
}
