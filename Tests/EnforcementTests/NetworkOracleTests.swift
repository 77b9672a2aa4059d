import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// What the kernel will find in the compiled lists against what Policy decides from the rules, for random profiles.
struct NetworkOracleTests {
  private static let addresses =
    (0..<16).map { [10, 9, 0, $0] as [UInt8] }
    + (0..<16).map { [0xfd, 0] + [UInt8](repeating: 0, count: 13) + [$0] }
  private static let ports: [UInt16] = [0, 1, 2, 3, 4, 5, 6, 65534, 65535]
  private static let transports: [(PortRule.TransportProtocol?, UInt8)] = [
    (.tcp, 6), (.udp, 17), (.sctp, 132), (nil, 1),
  ]

  @Test("compiled lists and rules give the same verdicts", arguments: 0..<60 as Range<UInt64>)
  func sameVerdicts(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    var profile = Profile(name: "random", file: "random.yaml")
    profile.network.egress = Self.section(&random)
    profile.network.ingress = Self.section(&random)
    var compiled = CompiledPolicy(policy: stockade_policy())
    try compileNetwork(profile.network, into: &compiled)
    var wrong: [String] = []
    for _ in 0..<200 {
      let address = Self.addresses.randomElement(using: &random)!
      let port = Self.ports.randomElement(using: &random)!
      let (transport, number) = Self.transports.randomElement(using: &random)!
      let out = profile.decideEgress(address: address, port: port, transport: transport)
      let into = profile.decideIngress(address: address, port: port, transport: transport)
      let egress = verdict(compiled.egress, compiled.policy.egress_default, address, port, number)
      let ingress = verdict(compiled.ingress, compiled.policy.ingress_default, address, port, number)
      if egress != (out.action.rawValue, out.rule) { wrong.append("egress \(address) \(number) \(port)") }
      if ingress != (into.action.rawValue, into.rule) { wrong.append("ingress \(address) \(number) \(port)") }
      guard number == 6 || number == 17 else { continue }
      let bind = profile.decideBind(port: port, transport: transport).action
      if bindAction(compiled.policy, port, number) != bind.rawValue { wrong.append("bind \(number) \(port)") }
    }
    #expect(wrong.isEmpty)
  }

  /// As first_match in bpf/network_judge.bpf.h, at the node that the trie finds.
  private func verdict(
    _ prefixes: [CompiledPolicy.Prefix], _ byDefault: UInt8, _ address: [UInt8], _ port: UInt16, _ number: UInt8
  ) -> (action: UInt8, rule: Int?) {
    let node = prefixes.filter { CIDR(bytes: $0.address, prefixLength: $0.length).contains(address) }
      .max { $0.length < $1.length }?.node
    let entry = node?.list.first { $0.holds(port, number) }
    return (entry?.action ?? byDefault, entry.map { Int($0.rule) })
  }

  private func bindAction(_ policy: stockade_policy, _ port: UInt16, _ number: UInt8) -> UInt8 {
    withUnsafeBytes(of: policy.bind_ranges) {
      let ranges = $0.bindMemory(to: stockade_port_range.self).prefix(Int(policy.bind_range_count))
      return ranges.first { $0.holds(port, number) }?.action ?? Action.allow.rawValue
    }
  }

  private static func section(_ random: inout SplitMix) -> NetworkDirection {
    let rules = (0..<Int.random(in: 1...7, using: &random)).map { _ in rule(&random) }
    // One that is never only Allow, so that it is not left out.
    let last = NetworkRule.rule(.block, "192.0.2.0/24")
    return .section(Action.allCases.randomElement(using: &random)!, rules + [last])
  }

  private static func rule(_ random: inout SplitMix) -> NetworkRule {
    var rule = NetworkRule.rule(Action.allCases.randomElement(using: &random)!, nil)
    if Int.random(in: 0..<4, using: &random) > 0 {
      let address = addresses.randomElement(using: &random)!
      let bits = address.count * 8
      let length = [0, 8, bits - 4, bits - 3, bits - 2, bits - 1, bits].randomElement(using: &random)!
      rule.cidr = masked(address, length)
      for _ in 0..<Int.random(in: 0..<3, using: &random) where length < bits {
        let inner = masked(address, Int.random(in: length + 1...bits, using: &random))
        rule.except.append(inner)
      }
    }
    for _ in 0..<Int.random(in: 0..<3, using: &random) {
      let ends = [ports.randomElement(using: &random)!, ports.randomElement(using: &random)!].sorted()
      let transport = PortRule.TransportProtocol.allCases.randomElement(using: &random)!
      rule.ports.append(PortRule(transport: transport, first: ends[0], last: ends[1]))
    }
    return rule
  }

  private static func masked(_ address: [UInt8], _ length: Int) -> CIDR {
    let bytes = address.enumerated().map { index, byte in
      byte & UInt8(truncatingIfNeeded: 0xff00 >> min(8, max(0, length - index * 8)))
    }
    return CIDR(bytes: bytes, prefixLength: length)
  }
}

extension stockade_port_range {
  fileprivate func holds(_ port: UInt16, _ number: UInt8) -> Bool {
    (`protocol` == 0 || `protocol` == number) && first <= port && port <= last
  }
}

/// The same numbers in every run.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
