import YAML

/// Joins a profile with what it extends. It works on values only: the layers were read before.
package struct ProfileResolver {
  /// The longest chain of `extends`.
  package static let depthMax = 8

  private let layers: [String: ProfileLayer]
  /// Files that cannot be used, and that may have a base in them.
  private let broken: [ProfileFile]
  /// Why a base is missing, for messages: the folder that was searched.
  private let lookedIn: String

  package init(layers: [String: ProfileLayer], broken: [ProfileFile] = [], lookedIn: String) {
    self.layers = layers
    self.broken = broken.sorted { $0.path < $1.path }
    self.lookedIn = lookedIn
  }

  /// The files of one folder.
  package init(_ folder: ProfileFolder) {
    let layers = Dictionary(folder.layers.map { ($0.name, $0) }) { first, _ in first }
    self.init(layers: layers, broken: folder.files.values.filter { $0.error != nil }, lookedIn: folder.path)
  }

  package func resolve(_ layer: ProfileLayer) throws(PolicyError) -> Profile {
    let (profile, problems) = join(layer)
    if !problems.isEmpty { throw .invalid(problems) }
    return profile
  }

  /// The profile, without what cannot be joined, and every problem that only shows when the layers are joined.
  package func join(_ layer: ProfileLayer) -> (profile: Profile, problems: [Problem]) {
    var problems: [Problem] = []
    var order: [ProfileLayer] = []
    collect(layer, chain: [], into: &order, &problems)
    var joined = order[0]
    for next in order.dropFirst() { joined.apply(next) }
    let profile = joined.finished()
    problems += check(profile, joined)
    return (profile, problems.ordered(of: layer.location.file))
  }

  /// Bases from left to right. Each base comes before what extends it. A base that is reached twice counts once, at its
  /// first place.
  private func collect(
    _ layer: ProfileLayer, chain: [String], into order: inout [ProfileLayer], _ problems: inout [Problem]
  ) {
    let chain = chain + [layer.name]
    for base in layer.extends {
      if chain.contains(base.name) {
        let cycle = (chain.drop { $0 != base.name } + [base.name]).joined(separator: " -> ")
        problems.append(Problem(base.location, "extends makes a cycle: \(cycle); remove one of its steps"))
      } else if chain.count >= Self.depthMax {
        let message = "extends is deeper than \(Self.depthMax) profiles; join some of them"
        problems.append(Problem(base.location, message))
      } else if order.contains(where: { $0.name == base.name }) {
        continue
      } else if let next = layers[base.name] {
        collect(next, chain: chain, into: &order, &problems)
      } else {
        problems.append(missing(base))
      }
    }
    order.append(layer)
  }

  private func missing(_ base: ProfileLayer.Base) -> Problem {
    if let file = broken.first(where: { $0.names.contains(base.name) }), let error = file.error {
      return Problem(
        base.location, "extends \(quoted(base.name)), whose file has errors; mend it first: \(error.firstLine)")
    }
    let advice = Suggestion.advice(for: base.name, among: layers.keys.sorted(), otherwise: "add it or remove it here")
    return Problem(
      base.location, "extends \(quoted(base.name)), which does not exist in \(lookedIn)\(advice)")
  }

  private func check(_ profile: Profile, _ joined: ProfileLayer) -> [Problem] {
    var problems: [Problem] = []
    if let problem = joined.unenforceableMinimumTier { problems.append(problem) }
    for rules in [profile.process?.rules ?? [], profile.fileAccess?.rules ?? []]
    where rules.count > PathRuleParser.rulesMax {
      let message = "with what it extends, the section has \(rules.count) rules; at most \(PathRuleParser.rulesMax) fit"
      problems.append(Problem(rules[rules.count - 1].location, message))
    }
    return problems
  }
}

extension ProfileLayer {
  /// Sets what `child` sets. Unites the rules: the child's rules replace those that match the same.
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
    bind = Self.join(bind, child.bind) { $0.apply($1) }
    kernelBlock = Self.join(kernelBlock, child.kernelBlock) { mine, theirs in
      mine += theirs.filter { !mine.contains($0) }
    }
    socketFamilies = Self.join(socketFamilies, child.socketFamilies) { $0.formIntersection($1) }
    otherContainers = child.otherContainers ?? otherContainers
  }

  private static func join<Section>(
    _ base: Section?, _ child: Section?, _ apply: (inout Section, Section) -> Void
  ) -> Section? {
    guard var joined = base, let child else { return base ?? child }
    apply(&joined, child)
    return joined
  }

  /// The profile with the defaults of docs/profile-reference.md.
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
    profile.network.bind = bind
    profile.kernelBlock = kernelBlock ?? []
    profile.socketFamilies = socketFamilies
    profile.otherContainers = otherContainers
    profile.warnings =
      startWarnings + profile.network.bindWarnings + profile.idleParts.map { $0.problem(in: location.file) }
    return profile
  }
}

extension NetworkSection {
  fileprivate var bindWarnings: [Problem] {
    guard let bind, (ingress?.strictest ?? .allow) == .allow else { return [] }
    return [
      Problem(
        bind.location,
        "spec.network.bind does nothing, since spec.network.ingress blocks nothing and every port may be bound; add "
          + "ingress, or remove bind")
    ]
  }
}

extension ProfileLayer.Process {
  mutating func apply(_ child: Self) {
    (defaultAction, defaultLocation) =
      child.defaultAction.map { ($0, child.defaultLocation) } ?? (defaultAction, defaultLocation)
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
    (defaultAction, defaultLocation) =
      child.defaultAction.map { ($0, child.defaultLocation) } ?? (defaultAction, defaultLocation)
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

extension BindList {
  mutating func apply(_ child: Self) {
    ports += child.ports.filter { !ports.contains($0) }
    location = child.location
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

/// `base` with each rule of `child` in the place of the rule that matches the same. If there is no such rule, it stands
/// at the end.
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
