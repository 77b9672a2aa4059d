import Policy
import Seccomp

/// What becomes of the recordings' operations if a part of the profile is taken away.
package struct Mutation: Sendable {
  package enum Need: String, CaseIterable, Sendable {
    /// Something that was done would be denied, or reported, without it.
    case needed
    /// No recording needs it. Without it nothing more is allowed than with it.
    case unneeded
    /// It denies or reports something. Without it more would pass, whatever the recordings did.
    case `guard`
  }

  package var part: String
  /// Of a name in a rule of the filter: the rule, which has many names.
  package var filterRule: String?
  package var location: Location?
  package var need: Need
  /// An operation that is decided differently without it.
  package var example: String?
}

extension ProfileTest {
  /// Takes each part of the profile away in turn.
  package var mutations: [Mutation] {
    var usersOfRule: [ProfilePart: [Int]] = [:]
    for (index, judgement) in judgements.enumerated() {
      for part in Set([judgement.part, judgement.rule].compactMap(\.self)) {
        usersOfRule[part, default: []].append(index)
      }
    }
    return profile.parts.map { mutation(of: $0, usersOfRule) }
  }

  private func mutation(of part: ProfilePart, _ users: [ProfilePart: [Int]]) -> Mutation {
    let named = profile.named(part)
    var mutation = Mutation(part: named.text, location: named.location, need: .unneeded)
    if case .syscall(_, let name) = part {
      mutation.need = profile.isGuard(part) ? .guard : need(ofCall: name)
      mutation.filterRule = String(named.text.prefix { $0 != " " })
      return mutation
    }
    let changed = judge.without(part)
    // Only these can be decided otherwise; the others did not get to the rule.
    let concerned = operations(concernedBy: part, users)
    var (stricter, looser): (Int?, Int?) = (nil, nil)
    for index in concerned {
      let after = changed.judgement(of: verdicts[index].operation)
      guard let before = judgements[index].possible, let after = after.possible else { continue }
      if after.lowerBound > before.lowerBound || after.upperBound > before.upperBound { stricter = stricter ?? index }
      if after.lowerBound < before.lowerBound || after.upperBound < before.upperBound { looser = looser ?? index }
    }
    mutation.need = stricter != nil ? .needed : looser != nil || profile.isGuard(part) ? .guard : .unneeded
    mutation.example = (stricter ?? looser).map { verdicts[$0].operation.text }
    return mutation
  }

  private func operations(concernedBy part: ProfilePart, _ users: [ProfilePart: [Int]]) -> [Int] {
    func all(_ isConcerned: (Operation) -> Bool) -> [Int] {
      verdicts.indices.filter { isConcerned(verdicts[$0].operation) }
    }
    return switch part {
    case .ingressRule:
      (users[part] ?? []) + all { if case .bind = $0 { true } else { false } }
    case .bindPort: all { if case .bind = $0 { true } else { false } }
    case .kernelBlock: all { if case .surface = $0 { true } else { false } }
    // A path that is too long for the kernel is judged by all rules together.
    case .processRule, .fileRule, .egressRule: (users[part] ?? []) + users[.setting(part.rulesName), default: []]
    case .allowEntrypoint, .newExecutables, .fileless: all(\.isOfProgram)
    default: users[part] ?? []
    }
  }

  /// A filter is not built anew for each of its names: the name's own rules say enough.
  private func need(ofCall name: String) -> Mutation.Need {
    // In place of clone3, which filters cannot judge, libraries use clone.
    let names: Set = name == "clone" ? [name, "clone3"] : [name]
    let isMade = recording.syscalls.values.contains { !$0.isDisjoint(with: names) }
    return isMade || ProgramCalls.needed.contains(name) ? .needed : .unneeded
  }
}

extension Operation {
  fileprivate var isOfProgram: Bool {
    switch self {
    case .exec, .mapping: true
    default: false
    }
  }
}

extension ProfilePart {
  /// What decides where all rules of the section do together.
  fileprivate var rulesName: String {
    switch self {
    case .processRule: "process.rules"
    case .fileRule: "file.rules"
    default: "network.egress.rules"
    }
  }
}

extension Profile {
  /// Everything that can be taken away, in the order of the file's sections.
  fileprivate var parts: [ProfilePart] {
    let calls = (inlineFilter?.syscalls ?? []).enumerated().flatMap { index, rule in
      rule.names.map { ProfilePart.syscall(rule: index, name: $0) }
    }
    return calls + (process?.settings ?? []) + rules(process?.rules, ProfilePart.processRule)
      + rules(fileAccess?.rules, ProfilePart.fileRule) + rules(network.egress?.rules, ProfilePart.egressRule)
      + rules(network.ingress?.rules, ProfilePart.ingressRule) + rules(network.bind?.ports, ProfilePart.bindPort)
      + kernelBlock.map(ProfilePart.kernelBlock)
      + SocketFamily.allCases.filter { socketFamilies?.contains($0) == true }.map(ProfilePart.socketFamily)
  }

  private func rules<Rule>(_ rules: [Rule]?, _ part: (Int) -> ProfilePart) -> [ProfilePart] {
    (rules ?? []).indices.map(part)
  }

  /// Whether more passes without it, or passes without a report.
  fileprivate func isGuard(_ part: ProfilePart) -> Bool {
    switch part {
    case .processRule(let index):
      // It may keep a wider rule with `new: true` from what it is about.
      process.map {
        $0.rules[index].strictest != .allow || !$0.rules[index].allowNew && $0.rules.contains(where: \.allowNew)
      }
        ?? false
    case .fileRule(let index): fileAccess?.rules[index].action != .allow
    case .egressRule(let index): network.egress?.rules[index].action != .allow
    case .ingressRule(let index): network.ingress?.rules[index].action != .allow
    case .kernelBlock: true
    case .syscall(let index, _): inlineFilter?.syscalls[index].action != "SCMP_ACT_ALLOW"
    default: false
    }
  }
}

extension ProcessSection {
  /// What allows more than the section does without it.
  fileprivate var settings: [ProfilePart] {
    let strict = defaultAction == .block
    return (allowEntrypoint ? [.allowEntrypoint] : []) + (strict && newExecutables != .block ? [.newExecutables] : [])
      + (strict && fileless != .block ? [.fileless] : [])
  }
}

extension Judge {
  fileprivate func without(_ part: ProfilePart) -> Judge {
    var profile = profile
    switch part {
    case .processRule(let index): profile.process?.rules.remove(at: index)
    case .fileRule(let index): profile.fileAccess?.rules.remove(at: index)
    case .egressRule(let index): profile.network.egress?.rules.remove(at: index)
    case .ingressRule(let index): profile.network.ingress?.rules.remove(at: index)
    case .bindPort(let index): profile.network.bind?.ports.remove(at: index)
    case .kernelBlock(let surface): profile.kernelBlock.removeAll { $0 == surface }
    case .socketFamily(let family): profile.socketFamilies?.remove(family)
    case .allowEntrypoint: profile.process?.allowEntrypoint = false
    case .newExecutables: profile.process?.newExecutables = .block
    case .fileless: profile.process?.fileless = .block
    case .syscall, .setting: break
    }
    return Judge(profile: profile, filter: filter, families: families)
  }
}
