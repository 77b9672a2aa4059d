import Policy

/// Random network rules, whose addresses, ports and prefixes lie close together so that they meet.
package enum RandomNetwork {
  package static let addresses =
    (0..<16).map { [10, 9, 0, $0] as [UInt8] }
    + (0..<16).map { [0xfd, 0] + [UInt8](repeating: 0, count: 13) + [$0] }
  package static let ports: [UInt16] = [0, 1, 2, 3, 4, 5, 6, 65534, 65535]
  /// With the number of an IP header.
  package static let transports: [(PortRule.TransportProtocol?, UInt8)] = [
    (.tcp, 6), (.udp, 17), (.sctp, 132), (nil, 1),
  ]

  package static func section(_ random: inout SplitMix) -> NetworkDirection {
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
    rule.ports = portRules(&random)
    return rule
  }

  package static func bind(_ random: inout SplitMix) -> BindList {
    BindList(ports: portRules(&random), location: Location(file: "random.yaml", line: 1))
  }

  private static func portRules(_ random: inout SplitMix) -> [PortRule] {
    (0..<Int.random(in: 0..<3, using: &random)).map { _ in
      let ends = [ports.randomElement(using: &random)!, ports.randomElement(using: &random)!].sorted()
      let transport = PortRule.TransportProtocol.allCases.randomElement(using: &random)!
      return PortRule(transport: transport, first: ends[0], last: ends[1])
    }
  }

  private static func masked(_ address: [UInt8], _ length: Int) -> CIDR {
    let bytes = address.enumerated().map { index, byte in
      byte & UInt8(truncatingIfNeeded: 0xff00 >> min(8, max(0, length - index * 8)))
    }
    return CIDR(bytes: bytes, prefixLength: length)
  }
}
