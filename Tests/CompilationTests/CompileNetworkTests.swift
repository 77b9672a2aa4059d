import Compilation
import Policy
import PolicyTesting
import Testing

/// From rules to the kernel's lists.
struct CompileNetworkTests {
  private func compile(
    egress: NetworkDirection? = nil, ingress: NetworkDirection? = nil, bind: [PortRule]? = nil
  ) throws -> CompiledPolicy {
    var profile = Profile(name: "test", file: "test.yaml")
    (profile.network.egress, profile.network.ingress) = (egress, ingress)
    profile.network.bind = bind.map { BindList(ports: $0, location: Location(file: "test.yaml", line: 2)) }
    return try PolicyCompiler.compile(profile)
  }

  /// `action protocol first-last #rule`, in the list's order.
  private func list(_ policy: CompiledPolicy, at cidr: String) -> [String]? {
    policy.egress?.prefixes.first { $0.cidr == prefix(cidr) }?.entries.map(text)
  }

  private func text(_ verdict: CompiledPolicy.PortVerdict) -> String {
    "\(verdict.action.name.lowercased()) \(verdict.protocolNumber) \(verdict.first)-\(verdict.last)"
      + (verdict.rule.map { " #\($0)" } ?? "")
  }

  @Test("a section that allows everything is left out, and so is any where there are no network rules")
  func allowsEverything() throws {
    let compiled = try compile(egress: .section(.allow, .rule(.allow, "10.0.0.0/8")), ingress: .section(.allow))
    #expect(compiled.egress == nil && compiled.ingress == nil && compiled.binds.isEmpty)
    let reduced = try compile(egress: .section(.block), ingress: .section(.block))
      .reduced(to: .lsm, hasNetwork: false, withoutNewExecutables: false)
    #expect(reduced.egress == nil && reduced.ingress == nil && reduced.binds.isEmpty)
  }

  @Test(
    "default and the strictest action are the section's",
    arguments: [
      (NetworkDirection.section(.block), Action.block, Action.block),
      (.section(.allow, .rule(.audit, nil, udp: 1...1)), .allow, .audit),
      (.section(.audit, .rule(.block, "10.0.0.0/8")), .audit, .block),
    ])
  func policy(_ section: NetworkDirection, _ byDefault: Action, _ strictest: Action) throws {
    let egress = try compile(egress: section)
    #expect(egress.egress?.defaultAction == byDefault && egress.egress?.strictest == strictest)
    #expect(egress.ingress == nil)
    let ingress = try compile(ingress: section).ingress
    #expect(ingress?.defaultAction == byDefault && ingress?.strictest == strictest)
  }

  @Test("there is a list at every prefix, every exception, and at /0 of both families")
  func prefixes() throws {
    let compiled = try compile(
      egress: .section(.block, .rule(.allow, "10.0.0.0/8", except: ["10.1.0.0/16"]), .rule(.allow, "fd00::/8")))
    let found = Set(compiled.egress!.prefixes.map(\.cidr))
    #expect(found == Set(["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0", "fd00::/8"].map(prefix)))
  }

  @Test("a list is ordered: the longest prefix, with ports before without, Block before Audit before Allow")
  func order() throws {
    let compiled = try compile(
      egress: .section(
        .block, .rule(.allow, nil), .rule(.allow, "10.0.0.0/8", udp: 53...53),
        .rule(.audit, "10.0.0.0/8", udp: 53...54),
        .rule(.block, "10.0.0.0/8", udp: 53...55), .rule(.allow, "10.0.0.0/16", tcp: 1...2)))
    #expect(
      list(compiled, at: "10.0.0.0/16") == [
        "allow 6 1-2 #4", "block 17 53-55 #3", "audit 17 53-54 #2", "allow 17 53-53 #1", "allow 0 0-65535 #0",
      ])
    #expect(list(compiled, at: "::/0") == ["allow 0 0-65535 #0"])
  }

  @Test("an exception takes its rule away below it, and leaves the others")
  func except() throws {
    let compiled = try compile(
      egress: .section(
        .block, .rule(.allow, "10.0.0.0/8", except: ["10.1.0.0/16"]), .rule(.audit, nil), .rule(.block, "10.1.2.0/24")))
    #expect(list(compiled, at: "10.0.0.0/8") == ["allow 0 0-65535 #0"])
    #expect(list(compiled, at: "10.1.0.0/16") == ["audit 0 0-65535 #1"])
    #expect(list(compiled, at: "10.1.2.0/24") == ["block 0 0-65535 #2"])
    #expect(list(compiled, at: "0.0.0.0/0") == ["audit 0 0-65535 #1"])
  }

  @Test("what an earlier entry hides is left out, except where a later fragment could still meet it")
  func hidden() throws {
    let compiled = try compile(
      egress: .section(
        .block, .rule(.allow, "10.0.0.0/8", tcp: 1...9), .rule(.allow, nil, tcp: 2...3),
        .rule(.block, "10.0.0.0/4", tcp: 4...5)))
    #expect(list(compiled, at: "10.0.0.0/8") == ["allow 6 1-9 #0", "block 6 4-5 #2"])
  }

  @Test("as many entries as a prefix may have are taken, one more is refused with what to do")
  func entriesLimit() throws {
    var rule = NetworkRule.rule(.allow, "10.0.0.0/8")
    rule.ports = (1...UInt16(CompiledPolicy.entriesMax)).map { PortRule(transport: .tcp, first: $0 * 2, last: $0 * 2) }
    #expect(try list(compile(egress: .section(.block, rule)), at: "10.0.0.0/8")?.count == CompiledPolicy.entriesMax)
    rule.ports.append(PortRule(transport: .udp, first: 9, last: 9))
    let error = #expect(throws: CompilationError.self) { try compile(egress: .section(.block, rule)) }
    #expect(
      "\(error!)" == "test.yaml:1: 65 port ranges of spec.network.egress apply to 10.0.0.0/8; at most 64 fit, so join "
        + "some into ranges with endPort, or use fewer rules for it")
  }

  @Test("as many prefixes as a direction may name are taken, one more is refused")
  func prefixesLimit() throws {
    // The whole of both families counts too.
    func section(_ count: Int) -> NetworkDirection {
      .section(.allow, (0..<count).map { .rule(.block, "10.\($0 / 256).\($0 % 256).0/24") })
    }
    let most = try compile(ingress: section(CompiledPolicy.prefixesMax - 2))
    #expect(most.ingress?.prefixes.count == CompiledPolicy.prefixesMax)
    let error = #expect(throws: CompilationError.self) {
      try compile(ingress: section(CompiledPolicy.prefixesMax - 1))
    }
    #expect(
      "\(error!)" == "test.yaml:1: spec.network.ingress names 2049 prefixes; at most 2048 fit, so join some")
  }

  @Test("each section that does not fit is told")
  func problems() {
    var rule = NetworkRule.rule(.allow, nil)
    rule.ports = (1...65).map { PortRule(transport: .tcp, first: $0 * 2, last: $0 * 2) }
    var profile = Profile(name: "test", file: "test.yaml")
    (profile.network.egress, profile.network.ingress) = (.section(.block, rule), .section(.block, rule))
    #expect(PolicyCompiler.problems(of: profile).count == 2)
  }

  @Test(
    "bind is refused the ports that ingress leaves to nobody",
    arguments: [
      (NetworkDirection.section(.block), ["block 6 0-65535", "block 17 0-65535"]),
      (.section(.audit), ["audit 6 0-65535", "audit 17 0-65535"]),
      (.section(.allow, .rule(.block, nil, tcp: 80...80)), ["block 6 80-80 #0"]),
      (.section(.allow, .rule(.block, "0.0.0.0/0", tcp: 80...80)), []),
      (
        .section(.block, .rule(.allow, "10.0.0.0/8", tcp: 80...81)),
        ["block 6 0-79", "block 6 82-65535", "block 17 0-65535"]
      ),
      (
        .section(.block, .rule(.audit, "10.0.0.0/8", udp: 5...6)),
        ["block 6 0-65535", "block 17 0-4", "audit 17 5-6 #0", "block 17 7-65535"]
      ),
      (.section(.block, .rule(.allow, "::/0")), []),
    ])
  func bind(_ section: NetworkDirection, _ expected: [String]) throws {
    let compiled = try compile(ingress: section)
    #expect(compiled.binds.map(text) == expected)
  }

  private static let high = PortRule(transport: .udp, first: 1024, last: .max)

  @Test(
    "what bind lists comes first, and only where ingress leaves a port to nobody",
    arguments: [
      (NetworkDirection.section(.block), ["allow 17 1024-65535", "block 6 0-65535", "block 17 0-65535"]),
      (.section(.allow, .rule(.block, "10.0.0.0/8")), []), (.section(.allow), []), (nil, []),
    ])
  func bindList(_ ingress: NetworkDirection?, _ expected: [String]) throws {
    #expect(try compile(ingress: ingress, bind: [Self.high]).binds.map(text) == expected)
  }

  @Test("a list that leaves no room for what ingress blocks is refused at its own line")
  func bindListLimit() throws {
    func list(_ count: Int) -> [PortRule] {
      (1...UInt16(count)).map { PortRule(transport: .udp, first: $0 * 2, last: $0 * 2) }
    }
    let most = CompiledPolicy.bindsMax - 2
    #expect(try compile(ingress: .section(.block), bind: list(most)).binds.count == CompiledPolicy.bindsMax)
    let error = #expect(throws: CompilationError.self) {
      try compile(ingress: .section(.block), bind: list(most + 1))
    }
    #expect(
      "\(error!)" == "test.yaml:2: the ports of spec.network.bind and those that spec.network.ingress blocks for every "
        + "peer are 33 ranges; at most 32 fit, so join some into ranges with endPort")
  }

  @Test("as many bind ranges as a policy holds are taken, one more is refused with what to do")
  func bindLimit() throws {
    func section(_ blocked: Int) -> NetworkDirection {
      var rule = NetworkRule.rule(.block, nil)
      rule.ports = (1...UInt16(blocked)).map { PortRule(transport: .udp, first: $0 * 2, last: $0 * 2) }
      return .section(.allow, rule)
    }
    #expect(try compile(ingress: section(CompiledPolicy.bindsMax)).binds.count == CompiledPolicy.bindsMax)
    let error = #expect(throws: CompilationError.self) { try compile(ingress: section(CompiledPolicy.bindsMax + 1)) }
    #expect(
      "\(error!)" == "test.yaml:1: spec.network.ingress blocks 33 separate port ranges for every peer; at most 32 fit, "
        + "so join some into ranges with endPort")
  }
}
