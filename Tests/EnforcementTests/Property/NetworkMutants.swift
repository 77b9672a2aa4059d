import Policy

extension Mutant {
  static let ofNetwork = [
    Mutant("the shortest prefix decides") { profile, question in
      profile.keep(for: question) { rules, matching in
        let shortest = matching.map { rules[$0].rank.0 }.min()
        return matching.filter { rules[$0].rank.0 == shortest }
      }
    },
    Mutant("a rule without ports comes before one with ports") { profile, question in
      profile.keep(for: question) { rules, matching in
        let best = matching.filter { rules[$0].rank.0 == rules[matching[0]].rank.0 }
        let plain = best.filter { rules[$0].ports.isEmpty }
        return plain.isEmpty ? matching : plain
      }
    },
    Mutant("of equal network rules Allow comes before Audit and Block") { profile, question in
      profile.keep(for: question) { rules, matching in
        let (length, ports, _) = rules[matching[0]].rank
        let best = matching.filter { rules[$0].rank.0 == length && rules[$0].rank.1 == ports }
        let mildest = best.map { rules[$0].action }.min()
        return best.filter { rules[$0].action == mildest }
      }
    },
    Mutant("of equal network rules the last one decides") { profile, question in
      profile.keep(for: question) { rules, matching in
        [matching.last { rules[$0].rank == rules[matching[0]].rank }!]
      }
    },
    Mutant("except is not looked at") { profile, question in
      profile.changeNetworkRules(for: question) { $0.except = [] }
    },
    Mutant("the protocol of a port is not looked at") { profile, question in
      guard let transport = question.peer?.transport else { return }
      profile.changeNetworkRules(for: question) { rule in
        for index in rule.ports.indices { rule.ports[index].transport = transport }
      }
    },
    Mutant("endPort is no port of the range") { profile, question in
      profile.changeNetworkRules(for: question) { rule in
        for index in rule.ports.indices where rule.ports[index].last > rule.ports[index].first {
          rule.ports[index].last -= 1
        }
      }
    },
    Mutant("a rule without ports says nothing of protocols that have none") { profile, question in
      guard let peer = question.peer, peer.transport == nil else { return }
      profile.changeNetworkRules(for: question) { if $0.ports.isEmpty { $0.silence() } }
    },
    Mutant("a rule without cidr is about IPv4 alone") { profile, question in
      guard let peer = question.peer, CIDR.unmapped(peer.address).count == 16 else { return }
      profile.changeNetworkRules(for: question) { if $0.cidr == nil { $0.silence() } }
    },
    Mutant("IPv4 that is written as IPv6 is IPv6") { profile, question in
      guard let peer = question.peer, peer.address.count == 16, CIDR.unmapped(peer.address).count == 4 else { return }
      profile.changeNetworkRules(for: question) { if $0.cidr?.isIPv4 == true { $0.silence() } }
    },
    Mutant("each direction is judged by the other's rules") { profile, question in
      if question.peer != nil {
        (profile.network.egress, profile.network.ingress) = (profile.network.ingress, profile.network.egress)
      }
    },
    Mutant("network.bind is not looked at") { profile, _ in profile.network.bind = nil },
    Mutant("bind is judged by ingress' default alone") { profile, question in
      if case .bind = question.what { profile.network.ingress?.rules = [] }
    },
    Mutant("bind is refused if one peer is refused") { profile, question in
      guard case .bind(let port, let transport) = question.what else { return }
      let says = profile.network.ingress!.rules.contains {
        $0.action == .block && $0.matches(port: port, transport: transport)
      }
      if says { (profile.network.ingress!.rules, profile.network.ingress!.defaultAction) = ([], .block) }
    },
  ]
}

extension PropertyQuestion {
  fileprivate var peer: PropertyCase.Peer? {
    switch what {
    case .egress(let peer), .ingress(let peer): peer
    default: nil
    }
  }
}

extension Profile {
  private mutating func changeDirection(for question: PropertyQuestion, _ change: (inout NetworkDirection) -> Void) {
    switch question.what {
    case .egress: change(&network.egress!)
    case .ingress: change(&network.ingress!)
    default: break
    }
  }

  fileprivate mutating func changeNetworkRules(for question: PropertyQuestion, _ change: (inout NetworkRule) -> Void) {
    changeDirection(for: question) { direction in
      for index in direction.rules.indices { change(&direction.rules[index]) }
    }
  }

  /// Of the rules that match, in the order of their rank, keeps only some.
  fileprivate mutating func keep(
    for question: PropertyQuestion, _ kept: (_ rules: [NetworkRule], _ matching: [Int]) -> [Int]
  ) {
    guard let peer = question.peer else { return }
    let address = CIDR.unmapped(peer.address)
    let host = CIDR(bytes: address, prefixLength: address.count * 8)
    changeDirection(for: question) { direction in
      let rules = direction.rules
      let matching = direction.candidates(at: host).filter {
        rules[$0].matches(port: peer.port, transport: peer.transport)
      }
      if matching.isEmpty { return }
      let kept = kept(rules, matching)
      for index in rules.indices where !kept.contains(index) { direction.rules[index].silence() }
    }
  }
}

extension NetworkRule {
  /// No question has such an address.
  fileprivate mutating func silence() { (cidr, except) = (CIDR(bytes: [255, 255, 255, 255], prefixLength: 32), []) }
}
