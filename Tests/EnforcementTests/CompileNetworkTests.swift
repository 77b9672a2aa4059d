import BPF
import CStockade
import Enforcement
import Glibc
import Policy
import Testing

/// From rules to the kernel's lists.
struct CompileNetworkTests {
  private func compile(egress: NetworkDirection? = nil, ingress: NetworkDirection? = nil) throws -> CompiledPolicy {
    var compiled = CompiledPolicy(policy: stockade_policy())
    var network = NetworkSection()
    (network.egress, network.ingress) = (egress, ingress)
    try compileNetwork(network, into: &compiled)
    return compiled
  }

  /// `action protocol first-last #rule`, in the list's order.
  private func list(_ policy: CompiledPolicy, at cidr: String) -> [String]? {
    let wanted = prefix(cidr)
    let found = policy.egress.first { $0.address == wanted.bytes && $0.length == wanted.prefixLength }
    return found.map { $0.node.list.map(\.text) }
  }

  private func ranges(_ policy: CompiledPolicy) -> [String] {
    var policy = policy.policy
    let count = Int(policy.bind_range_count)
    return withUnsafeBytes(of: &policy.bind_ranges) {
      $0.bindMemory(to: stockade_port_range.self).prefix(count).map(\.text)
    }
  }

  @Test("a section that allows everything is left out")
  func allowsEverything() throws {
    let compiled = try compile(egress: .section(.allow, .rule(.allow, "10.0.0.0/8")), ingress: .section(.allow))
    #expect(compiled.policy.flags == 0 && compiled.egress.isEmpty && compiled.ingress.isEmpty)
    #expect(NetworkNeeds(policyFlags: compiled.policy.flags).isEmpty)
  }

  @Test(
    "flags, default and the strictest action are the section's",
    arguments: [
      (NetworkDirection.section(.block), Action.block, Action.block),
      (.section(.allow, .rule(.audit, nil, udp: 1...1)), .allow, .audit),
      (.section(.audit, .rule(.block, "10.0.0.0/8")), .audit, .block),
    ])
  func policy(_ section: NetworkDirection, _ byDefault: Action, _ strictest: Action) throws {
    let egress = try compile(egress: section).policy
    #expect(egress.flags == UInt32(STOCKADE_HAS_EGRESS.rawValue))
    #expect(egress.egress_default == byDefault.rawValue && egress.egress_strictest == strictest.rawValue)
    let ingress = try compile(ingress: section).policy
    #expect(ingress.flags & UInt32(STOCKADE_HAS_INGRESS.rawValue) != 0)
    #expect(ingress.ingress_default == byDefault.rawValue && ingress.ingress_strictest == strictest.rawValue)
  }

  @Test("there is a list at every prefix, every exception, and at /0 of both families")
  func prefixes() throws {
    let compiled = try compile(
      egress: .section(.block, .rule(.allow, "10.0.0.0/8", except: ["10.1.0.0/16"]), .rule(.allow, "fd00::/8")))
    let found = Set(compiled.egress.map { CIDR(bytes: $0.address, prefixLength: $0.length) })
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

  @Test("as many entries as a node holds are taken, one more is refused with what to do")
  func entriesLimit() throws {
    var rule = NetworkRule.rule(.allow, "10.0.0.0/8")
    rule.ports = (1...UInt16(STOCKADE_NET_ENTRIES_MAX)).map { PortRule(transport: .tcp, first: $0 * 2, last: $0 * 2) }
    #expect(try list(compile(egress: .section(.block, rule)), at: "10.0.0.0/8")?.count == Int(STOCKADE_NET_ENTRIES_MAX))
    rule.ports.append(PortRule(transport: .udp, first: 9, last: 9))
    let error = #expect(throws: CompileNetworkError.self) { try compile(egress: .section(.block, rule)) }
    #expect("\(error!)".hasPrefix("test.yaml:1: 65 rules and ports apply to "))
    #expect(
      "\(error!)".hasSuffix("an address may have 64; join ports into ranges with endPort, or use fewer rules for it"))
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
    #expect(ranges(compiled) == expected)
    #expect(NetworkNeeds(policyFlags: compiled.policy.flags) == (expected.isEmpty ? .packets : [.packets, .binds]))
  }

  @Test("as many bind ranges as a policy holds are taken, one more is refused with what to do")
  func bindLimit() throws {
    func section(_ blocked: Int32) -> NetworkDirection {
      var rule = NetworkRule.rule(.block, nil)
      rule.ports = (1...UInt16(blocked)).map { PortRule(transport: .udp, first: $0 * 2, last: $0 * 2) }
      return .section(.allow, rule)
    }
    #expect(try ranges(compile(ingress: section(STOCKADE_BIND_RANGES_MAX))).count == Int(STOCKADE_BIND_RANGES_MAX))
    let error = #expect(throws: CompileNetworkError.self) {
      try compile(ingress: section(STOCKADE_BIND_RANGES_MAX + 1))
    }
    #expect(
      "\(error!)" == "test.yaml:1: ingress blocks 33 separate port ranges for every peer, and a profile may have 32; "
        + "join ports into ranges with endPort")
  }
}

extension stockade_net_node {
  var list: [stockade_port_range] {
    withUnsafeBytes(of: entries) { Array($0.bindMemory(to: stockade_port_range.self).prefix(Int(count))) }
  }
}

extension stockade_port_range {
  /// `action protocol first-last #rule`.
  var text: String {
    let name = Action(rawValue: action).map(\.name) ?? "?"
    return "\(name.lowercased()) \(`protocol`) \(first)-\(last)" + (rule == STOCKADE_NO_RULE ? "" : " #\(rule)")
  }
}
