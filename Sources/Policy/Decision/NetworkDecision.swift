extension Profile {
  /// Decides a connection that the container opens.
  ///
  /// - Parameters:
  ///   - address: the peer's address, 4 or 16 bytes in network order; an IPv4-mapped address is judged as IPv4.
  ///   - port: the peer's port.
  ///   - transport: nil for every protocol without ports that rules can name.
  package func decideEgress(address: [UInt8], port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    network.egress?.decide(address: address, port: port, transport: transport) ?? Decision(.allow, .noSection)
  }

  /// Decides a connection that a peer opens, by the peer's address and the container's port.
  package func decideIngress(address: [UInt8], port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    network.ingress?.decide(address: address, port: port, transport: transport) ?? Decision(.allow, .noSection)
  }

  /// Decides bind(2) to a local port. It is refused only if ingress refuses every peer, and `bind` does not name the
  /// port.
  package func decideBind(port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    if let bind = network.bind, bind.ports.contains(where: { $0.holds(port, transport) }) {
      return Decision(.allow, .rule)
    }
    return network.ingress?.decideBind(port: port, transport: transport) ?? Decision(.allow, .noSection)
  }
}

extension NetworkDirection {
  func decide(address: [UInt8], port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    let address = CIDR.unmapped(address)
    let host = CIDR(bytes: address, prefixLength: address.count * 8)
    return decide(at: host, port: port, transport: transport)
  }

  func decideBind(port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    let decisions = prefixes.map { decide(at: $0, port: port, transport: transport) }
    return decisions.min { $0.action < $1.action } ?? Decision(defaultAction, .defaultAction)
  }

  private func decide(at prefix: CIDR, port: UInt16, transport: PortRule.TransportProtocol?) -> Decision {
    guard let rule = candidates(at: prefix).first(where: { rules[$0].matches(port: port, transport: transport) }) else {
      return Decision(defaultAction, .defaultAction)
    }
    return Decision(rules[rule].action, .rule, rule: rule)
  }

  /// The rules that apply to the whole of `prefix`, the most specific first. The order is: the longer cidr, then rules
  /// with ports, then Block, Audit, Allow, then the order of the file. The first rule whose ports match decides.
  package func candidates(at prefix: CIDR) -> [Int] {
    rules.indices.filter { rules[$0].applies(to: prefix) }
      .sorted { rules[$0].rank == rules[$1].rank ? $0 < $1 : rules[$0].rank > rules[$1].rank }
  }

  /// The strictest action that the section has for anything.
  package var strictest: Action { rules.map(\.action).reduce(defaultAction, max) }

  /// Every prefix below which other rules apply than above it, and the prefixes of all addresses of both families.
  package var prefixes: Set<CIDR> {
    Set(rules.flatMap { ($0.cidr.map { [$0] } ?? []) + $0.except } + [.everyIPv4, .everyIPv6])
  }
}

extension CIDR {
  package static let everyIPv4 = CIDR(bytes: [0, 0, 0, 0], prefixLength: 0)
  package static let everyIPv6 = CIDR(bytes: [UInt8](repeating: 0, count: 16), prefixLength: 0)
}

extension NetworkRule {
  /// Whether the rule is about the whole of `prefix`.
  package func applies(to prefix: CIDR) -> Bool {
    guard let cidr else { return true }
    return cidr.contains(prefix) && !except.contains { $0.contains(prefix) }
  }

  /// Of two rules that match, the greater one decides.
  package var rank: (Int, Int, Action) { (cidr?.prefixLength ?? 0, ports.isEmpty ? 0 : 1, action) }

  package func matches(port: UInt16, transport: PortRule.TransportProtocol?) -> Bool {
    ports.isEmpty || ports.contains { $0.holds(port, transport) }
  }
}

extension PortRule {
  package func holds(_ port: UInt16, _ transport: TransportProtocol?) -> Bool {
    self.transport == transport && first <= port && port <= last
  }

  /// `TCP 443`, `TCP 80-90`; of every port: `TCP`.
  package var text: String {
    if first == 0, last == .max { return transport.rawValue }
    return "\(transport.rawValue) \(first)\(first == last ? "" : "-\(last)")"
  }
}
