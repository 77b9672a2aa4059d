import Policy
import YAML

/// A selector of a function that opens connections.
struct TracingConnection {
  let selector: TracingSelector
  let transports: [PortRule.TransportProtocol]
  let isSockaddr: Bool

  private var notes: ImportNotes { selector.notes }

  /// What the selector says of the peer.
  private struct Peer {
    var cidrs: [CIDR] = []
    var isNegative = false
    var ports: [ClosedRange<UInt16>] = []
  }

  func apply(_ action: Action, to draft: inout ProfileDraft) {
    var peer = Peer()
    for filter in selector.filters {
      guard read(filter, &peer) else { return }
    }
    let ports = transports.flatMap { transport in
      (peer.ports.isEmpty ? [0...UInt16.max] : peer.ports).map {
        PortRule(transport: transport, first: $0.lowerBound, last: $0.upperBound)
      }
    }
    guard ports.count <= NetworkRuleParser.portsMax else {
      notes.lost(
        selector.mapping.line, selector.mapping.place,
        "it names more ports than the \(NetworkRuleParser.portsMax) of a rule; write several rules")
      return
    }
    var rules = peer.cidrs.map { rule(peer.isNegative ? .allow : action, $0, ports) }
    if peer.isNegative || peer.cidrs.isEmpty { rules.append(rule(action, nil, ports)) }
    let isAlone =
      isWithin(peer, action, draft.egress) || selector.standsAlone(peer.isNegative, in: .egress, of: &draft)
    guard isAlone else { return }
    for rule in rules { draft.egress.add(rule, comment: selector.defaults.comment, selector.mapping.place, notes) }
  }

  /// Whether it blocks a part of what earlier rules allow, or of what they block as well.
  private func isWithin(_ peer: Peer, _ action: Action, _ egress: NetworkRuleList) -> Bool {
    let allowed = egress.entries.map(\.rule).filter { $0.action == .allow }
    return action == .block && !peer.isNegative && !peer.cidrs.isEmpty
      && !peer.cidrs.contains { outer in allowed.contains { $0.cidr.map(outer.contains) ?? true } }
  }

  private func rule(_ action: Action, _ cidr: CIDR?, _ ports: [PortRule]) -> NetworkRule {
    var rule = NetworkRule(action: action, location: notes.location(selector.mapping.line))
    (rule.cidr, rule.ports, rule.tags) = (cidr, ports, selector.defaults.tags)
    return rule
  }

  /// - Returns: whether the rule can say it. If not, it is told as lost.
  private func read(_ filter: TracingSelector.Filter, _ peer: inout Peer) -> Bool {
    guard filter.index == selector.hook.index else {
      selector.lose(filter, "no rule depends on this argument; the selector is left out")
      return false
    }
    let side = isSockaddr ? "S" : "D"
    switch filter.operation {
    case side + "Addr", "Not\(side)Addr":
      guard isFirst(filter, peer.cidrs.isEmpty) else { return false }
      peer.isNegative = filter.operation.utf8.first == UInt8(ascii: "N")
      guard let cidrs = cidrs(filter) else { return false }
      peer.cidrs = cidrs
    case side + "Port":
      guard isFirst(filter, peer.ports.isEmpty), let ports = ports(filter) else { return false }
      peer.ports = ports
    case "Protocol" where transports == [.tcp] && filter.values.allSatisfy { ["IPPROTO_TCP", "6"].contains($0.text) }:
      break
    case "Family" where Set(filter.values.map(\.text)).isSuperset(of: ["AF_INET", "AF_INET6"]): break
    default:
      selector.lose(
        filter, "no rule about connections has \(quoted(filter.operation)) with these values; the selector is left out")
      return false
    }
    return true
  }

  private func isFirst(_ filter: TracingSelector.Filter, _ isFirst: Bool) -> Bool {
    if !isFirst { selector.lose(filter, "no rule has two such conditions at once; the selector is left out") }
    return isFirst
  }

  private func cidrs(_ filter: TracingSelector.Filter) -> [CIDR]? {
    var cidrs: [CIDR] = []
    for value in filter.values {
      guard let cidr = CIDR(addressOrPrefix: value.text) else {
        notes.lost(
          value.line, value.place,
          "\(quoted(value.text)) is no address and no prefix like 10.0.0.0/8; the selector is left out")
        return nil
      }
      if !cidrs.contains(cidr) { cidrs.append(cidr) }
    }
    return cidrs
  }

  /// `443`, or `1024:65535`.
  private func ports(_ filter: TracingSelector.Filter) -> [ClosedRange<UInt16>]? {
    var ranges: [ClosedRange<UInt16>] = []
    for value in filter.values {
      let ends = value.text.split(separator: ":", omittingEmptySubsequences: false).map { UInt16($0) ?? 0 }
      guard (1...2).contains(ends.count), !ends.contains(0), ends[0] <= ends[ends.count - 1] else {
        notes.lost(value.line, value.place, "\(quoted(value.text)) is no port and no range; the selector is left out")
        return nil
      }
      let range = ends[0]...ends[ends.count - 1]
      if !ranges.contains(range) { ranges.append(range) }
    }
    return ranges
  }
}
