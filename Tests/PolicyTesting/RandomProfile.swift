import Policy

/// Random profiles that a file can hold, of every key.
package enum RandomProfile {
  private static let location = Location(file: "random.yaml", line: 1)
  /// Texts that some reader of YAML takes for something else, or that end a text early.
  package static let texts = [
    "a", "0755", "yes", "No", "null", "~", "1e3", "0x1f", "1:30", "2026-01-01", "-", "- a", "a: b", "a #b", "#a", "'",
    "it's", "\"", "\\", "a\\u0041", "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "?", "{", "}", "[", "]", ",", "a,b",
    " a", "a ", "\t", "a\nb", "\r", "\u{7f}", "\u{85}", "\u{2028}", "\u{feff}", "\u{ffff}", "ä", "'\u{308}", "😀",
    ".inf", "=", "<<", "10.0.0.0/8",
  ]
  private static let names = texts.filter { text in
    !text.contains { "*/".contains($0) } && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f }
  }
  private static let calls = ["read", "write", "openat", "clone3", "io_uring_setup", "rt_sigtimedwait_time64"]

  package static func profile(_ random: inout SplitMix) -> Profile {
    var profile = Profile(name: one(["web", "0755", "yes", "1.2", "null", "a-b.c"], &random), file: "random.yaml")
    profile.mode = one(Mode.allCases, &random)
    profile.failurePolicy = one(FailurePolicy.allCases, &random)
    profile.acceptPartial = .random(using: &random)
    profile.requireFilter = .random(using: &random)
    profile.seccomp = perhaps(&random, seccomp)
    profile.process = perhaps(&random, process)
    profile.fileAccess = perhaps(&random, file)
    profile.network.egress = perhaps(&random, direction)
    profile.network.ingress = perhaps(&random, direction)
    profile.network.bind = perhaps(&random, bind)
    profile.kernelBlock = some(KernelSurface.allCases, 4, &random)
    profile.socketFamilies = perhaps(&random) { random in Set(some(SocketFamily.allCases, 20, &random)) }
    profile.otherContainers = perhaps(&random) { random in one(Action.allCases, &random) }
    // No node can enforce files at tier signal.
    let tiers = Tier.allCases.filter { $0 != .signal || profile.saysNothingOfFilesAndKernel }
    profile.minimumTier = one(tiers, &random)
    return profile
  }

  // MARK: Programs and files

  private static func process(_ random: inout SplitMix) -> ProcessSection {
    var section = ProcessSection()
    section.defaultAction = one(Action.allCases, &random)
    section.allowEntrypoint = .random(using: &random)
    section.newExecutables = one(Action.allCases, &random)
    section.fileless = one(Action.allCases, &random)
    section.rules = pathRules(&random).map { rule in
      var rule = rule
      rule.allowNew = rule.action != .block && .random(using: &random)
      if rule.action != .block { rule.arguments = arguments(of: rule, &random) }
      return rule
    }
    return section
  }

  private static func file(_ random: inout SplitMix) -> FileSection {
    var section = FileSection()
    section.defaultAction = one(Action.allCases, &random)
    section.rules = pathRules(&random).map { rule in
      var rule = rule
      rule.access = one([[.read], [.write], [.read, .write]], &random)
      return rule
    }
    return section
  }

  /// Each path once.
  private static func pathRules(_ random: inout SplitMix) -> [PathRule] {
    some(names.filter { $0 != "." }, 6, &random).map { name in
      var rule = PathRule(
        path: "/" + (Bool.random(using: &random) ? "usr/lib/" : "") + name, isDirectory: .random(using: &random),
        action: one(Action.allCases, &random), location: location)
      rule.recursive = rule.isDirectory && .random(using: &random)
      rule.tags = tags(&random)
      return rule
    }
  }

  private static func arguments(of rule: PathRule, _ random: inout SplitMix) -> [ArgumentRule] {
    var rules = some(texts, 3, &random).map { text in
      ArgumentRule(
        kind: one(ArgumentRule.Kind.allCases, &random), text: text,
        index: perhaps(&random) { random in Int.random(in: 0...4095, using: &random) },
        action: one(Action.allCases, &random))
    }
    // Rules that all do what their rule does are refused.
    if !rules.isEmpty { rules[0].action = rule.action == .allow ? .block : .allow }
    return rules
  }

  private static func tags(_ random: inout SplitMix) -> [String] {
    some(["T1059.004", "1", "yes", "a/b:c"], 3, &random)
  }

  // MARK: Network and system calls

  private static func direction(_ random: inout SplitMix) -> NetworkDirection {
    var section = RandomNetwork.section(&random)
    var seen: [NetworkRule] = []
    for rule in section.rules where rule.cidr != nil || !rule.ports.isEmpty {
      var rule = rule
      rule.except = rule.except.reduce(into: []) { list, inner in if !list.contains(inner) { list.append(inner) } }
      rule.except.removeAll { inner in rule.cidr?.contains(inner) != true || inner == rule.cidr }
      rule.ports = writable(rule.ports)
      rule.tags = tags(&random)
      let isRepeated = seen.contains { other in
        other.cidr == rule.cidr && Set(other.except) == Set(rule.except) && Set(other.ports) == Set(rule.ports)
      }
      if rule.cidr != nil || !rule.ports.isEmpty, !isRepeated { seen.append(rule) }
    }
    section.rules = seen
    return section
  }

  private static func bind(_ random: inout SplitMix) -> BindList {
    let ports = writable(RandomNetwork.bind(&random).ports)
    return BindList(ports: ports.isEmpty ? [PortRule(transport: .udp, first: 1, last: 9)] : ports, location: location)
  }

  /// Each once. Port 0 stands for every port alone.
  private static func writable(_ ports: [PortRule]) -> [PortRule] {
    var seen: [PortRule] = []
    for port in ports where (port.first > 0 || port.last == .max) && !seen.contains(port) { seen.append(port) }
    return seen
  }

  private static func seccomp(_ random: inout SplitMix) -> SeccompSection {
    var section = SeccompSection(
      source: one([.runtimeDefault, .localhost("0755.json"), .inline(filter(&random))], &random), location: location)
    section.replacesPod = .random(using: &random)
    if case .inline = section.source { return section }
    section.addedCapabilities = some(["CAP_SYS_ADMIN", "CAP_BPF", "CAP_NET_ADMIN"], 3, &random)
    return section
  }

  private static func filter(_ random: inout SplitMix) -> SeccompFilter {
    var filter = SeccompFilter(defaultAction: one(["SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW"], &random))
    filter.defaultErrno = perhaps(&random) { random in UInt32.random(in: 0...0xffff, using: &random) }
    filter.architectures = some(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], 2, &random)
    filter.flags = some(["SECCOMP_FILTER_FLAG_LOG"], 1, &random)
    filter.syscalls = (0..<Int.random(in: 0...3, using: &random)).map { _ in
      let long = (0..<40).map { "a_long_name_of_a_call_\($0)" }
      var rule = SeccompFilter.Rule(
        names: Bool.random(using: &random) ? long : [one(calls, &random)], action: "SCMP_ACT_LOG")
      rule.errnoReturn = perhaps(&random) { random in UInt32.random(in: 0...0xffff, using: &random) }
      rule.arguments = some([0, 3, 5] as [UInt32], 3, &random).map { index in
        .init(
          index: index, value: .random(in: 0 ... .max, using: &random),
          valueTwo: one([0, .max], &random), op: "SCMP_CMP_MASKED_EQ")
      }
      return rule
    }
    return filter
  }

  // MARK: Choices

  private static func one<Value>(_ values: [Value], _ random: inout SplitMix) -> Value {
    values.randomElement(using: &random)!
  }

  /// At most `limit` of the values, each once.
  private static func some<Value>(_ values: [Value], _ limit: Int, _ random: inout SplitMix) -> [Value] {
    Array(values.shuffled(using: &random).prefix(Int.random(in: 0...limit, using: &random)))
  }

  private static func perhaps<Value>(_ random: inout SplitMix, _ make: (inout SplitMix) -> Value) -> Value? {
    Bool.random(using: &random) ? make(&random) : nil
  }
}

extension Profile {
  fileprivate var saysNothingOfFilesAndKernel: Bool {
    fileAccess == nil && kernelBlock.isEmpty && socketFamilies == nil && (otherContainers ?? .allow) == .allow
  }

  /// The profile without the lines of its file, and with what a section leaves to defaults set.
  package var withoutPlaces: Profile {
    let nowhere = Location(file: "", line: 0)
    func bare(_ rules: [PathRule]) -> [PathRule] {
      rules.map { rule in
        var rule = rule
        rule.location = nowhere
        return rule
      }
    }
    func bare(_ direction: NetworkDirection?) -> NetworkDirection? {
      guard var direction else { return nil }
      for index in direction.rules.indices { direction.rules[index].location = nowhere }
      return direction
    }
    var profile = self
    (profile.file, profile.warnings) = ("", [])
    if let process {
      profile.process?.rules = bare(process.rules)
      profile.process?.newExecutables = process.newExecutables
      profile.process?.fileless = process.fileless
    }
    profile.fileAccess?.rules = bare(fileAccess?.rules ?? [])
    (profile.network.egress, profile.network.ingress) = (bare(network.egress), bare(network.ingress))
    profile.network.bind?.location = nowhere
    profile.seccomp?.location = nowhere
    if case .inline(var filter) = seccomp?.source {
      filter.lines = .init()
      for index in filter.syscalls.indices {
        let rule = filter.syscalls[index]
        filter.syscalls[index] = SeccompFilter.Rule(names: rule.names, action: rule.action)
        filter.syscalls[index].errnoReturn = rule.errnoReturn
        filter.syscalls[index].arguments = rule.arguments
      }
      profile.seccomp?.source = .inline(filter)
    }
    return profile
  }
}
