extension NetworkDirection {
  package enum Name: String, Sendable { case egress, ingress }

  func idleParts(_ name: Name) -> [IdlePart] {
    let overruled = overruledRules()
    return rules.indices.compactMap { index in
      let rule = rules[index]
      let fault = rule.prefixFault(name) ?? overruled[index].map(overruledFault)
      let subject = "network.\(name.rawValue).rules[\(index)] \(rule.action.name)" + (rule.cidr.map { " \($0)" } ?? "")
      return fault?.part(subject, rule.location)
    }
  }

  private func overruledFault(by other: Int) -> IdleFault {
    IdleFault(
      "the \(rules[other].action.name) rule at \(rules[other].location) matches the same and decides",
      "remove one of them", claim: IdlePart.doesNothing)
  }

  /// By rule: another rule of the same addresses that comes before it and matches all of it.
  private func overruledRules() -> [Int: Int] {
    let groups = Dictionary(grouping: rules.indices) { rules[$0].cidr }
    let everywhere = groups[CIDR?.none] ?? []
    var found: [Int: Int] = [:]
    for (cidr, places) in groups {
      let isEverything = cidr?.prefixLength == 0
      for index in places {
        found[index] = (places + (isEverything ? everywhere : [])).first { other in
          other != index && rules[other].comesBefore(rules[index], isEarlier: other < index)
            && rules[other].covers(rules[index])
        }
      }
    }
    return found
  }
}

extension NetworkRule {
  fileprivate func prefixFault(_ direction: NetworkDirection.Name) -> IdleFault? {
    guard let cidr else { return nil }
    if cidr.isCovered(by: except) {
      return IdleFault("except takes all of \(cidr) away", "remove the rule or some of except")
    }
    let groups = [CIDR.multicastIPv4, .multicastIPv6, .broadcast]
    guard direction == .ingress, groups.contains(where: { $0.contains(cidr) }) else { return nil }
    return IdleFault(
      "no peer has such an address: packets are sent to it and never from it", "write the addresses of the senders")
  }

  /// Whether this rule is asked first where both apply. They are about the same addresses.
  fileprivate func comesBefore(_ other: NetworkRule, isEarlier: Bool) -> Bool {
    if ports.isEmpty != other.ports.isEmpty { return other.ports.isEmpty }
    return action == other.action ? isEarlier : action > other.action
  }

  /// Whether this rule matches all that `other` matches. Both are about the same addresses.
  fileprivate func covers(_ other: NetworkRule) -> Bool {
    guard except.allSatisfy({ mine in other.except.contains { $0.contains(mine) } }) else { return false }
    if ports.isEmpty { return true }
    return !other.ports.isEmpty && other.ports.allSatisfy { theirs in ports.contains { $0.covers(theirs) } }
  }
}

extension PortRule {
  fileprivate func covers(_ other: PortRule) -> Bool {
    transport == other.transport && first <= other.first && other.last <= last
  }

  /// Whether some port is in both.
  package func meets(_ other: PortRule) -> Bool {
    transport == other.transport && first <= other.last && other.first <= last
  }
}

extension CIDR {
  fileprivate static let multicastIPv4 = CIDR(bytes: [224, 0, 0, 0], prefixLength: 4)
  fileprivate static let multicastIPv6 = CIDR(bytes: [0xff] + [UInt8](repeating: 0, count: 15), prefixLength: 8)
  fileprivate static let broadcast = CIDR(bytes: [255, 255, 255, 255], prefixLength: 32)

  /// Whether the prefixes together hold every address of this one.
  fileprivate func isCovered(by prefixes: [CIDR]) -> Bool {
    let relevant = prefixes.filter { contains($0) || $0.contains(self) }
    if relevant.contains(where: { $0.contains(self) }) { return true }
    guard relevant.count > 1, prefixLength < bytes.count * 8 else { return false }
    var upper = CIDR(bytes: bytes, prefixLength: prefixLength + 1)
    let lower = upper
    upper.bytes[prefixLength / 8] |= 0x80 >> UInt8(prefixLength % 8)
    return lower.isCovered(by: relevant) && upper.isCovered(by: relevant)
  }
}

extension NetworkSection {
  /// Entries of `bind` for ports that may be bound without them.
  var idleBinds: [IdlePart] {
    // Where ingress blocks nothing at all, the whole list is told.
    guard let bind, let ingress, ingress.strictest != .allow, ingress.defaultAction == .allow else { return [] }
    let restricting = ingress.rules.filter { $0.action != .allow }
    return bind.ports.enumerated().compactMap { index, port in
      if restricting.contains(where: { $0.ports.isEmpty || $0.ports.contains { $0.meets(port) } }) { return nil }
      return IdlePart(
        "network.bind[\(index)]", at: bind.location, IdlePart.doesNothing, "ingress allows all of its ports anyway",
        "remove it, or block the ports in ingress")
    }
  }
}
