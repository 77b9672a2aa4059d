import Policy

extension Explainer {
  func connectStep(_ endpoint: Operation.Endpoint) -> Explanation.Step {
    let host = CIDR.text(ofAddress: endpoint.address)
    return step(
      "connection to \(host) by \(endpoint.port.text)", .egress, profile.network.egress, applied.network.egress,
      applied.decideEgress(
        address: endpoint.address, port: endpoint.port.number, transport: endpoint.port.transport), endpoint,
      effect: "EPERM")
  }

  func acceptStep(_ peer: [UInt8], _ port: Operation.Port) -> Explanation.Step {
    step(
      "connection of \(CIDR.text(ofAddress: peer)) to \(port.text)", .ingress, profile.network.ingress,
      applied.network.ingress,
      applied.decideIngress(address: peer, port: port.number, transport: port.transport),
      Operation.Endpoint(peer, port), effect: "the packets are dropped, and the peer waits for its time-out")
  }

  private func step(
    _ subject: String, _ section: Decider.Section, _ written: NetworkDirection?, _ inForce: NetworkDirection?,
    _ decision: Decision, _ endpoint: Operation.Endpoint, effect: String
  ) -> Explanation.Step {
    guard let written, let inForce else { return noSection(subject, section.rawValue) }
    let candidates = NetworkCandidates(section: section.rawValue, written: written, inForce: inForce, endpoint)
    var step = step(
      subject, decision.action, profile.decider(of: decision, in: section), why: candidates.why, effect: effect,
      enforcer: networkName)
    step.candidates = Explanation.cut(candidates.candidates)
    step.near = Explanation.cut(candidates.near)
    return step
  }

  func bindStep(_ port: Operation.Port) -> Explanation.Step {
    let subject = "bind to \(port.text)"
    guard port.transport == .tcp || port.transport == .udp else {
      return step(
        subject, .allow, Decider("the protocol"), why: "bind is judged for TCP and UDP alone", effect: "", enforcer: "")
    }
    if port.number == 0 {
      return step(
        subject, .allow, Decider("port 0"), why: "the kernel chooses the port, and that is always allowed", effect: "",
        enforcer: "")
    }
    guard profile.network.ingress != nil else { return noSection(subject, "network.ingress") }
    let decision = applied.decideBind(port: port.number, transport: port.transport)
    let isListed = decision.reason == .rule && decision.rule == nil
    return step(
      subject, decision.action, profile.decider(of: decision, in: .ingress),
      why: isListed ? "network.bind names the port" : "bind is judged by the mildest that ingress says to any peer",
      effect: "EPERM", enforcer: networkName)
  }

  private var networkName: String { node == nil ? "" : "the BPF programs of the container's cgroup" }
}

/// What a direction's rules say of one peer and port, in words.
private struct NetworkCandidates {
  let section: String
  let written: NetworkDirection
  private let inForce: NetworkDirection
  private let endpoint: Operation.Endpoint
  private let host: CIDR
  /// In the order of their rank.
  private let matching: [Int]

  init(section: String, written: NetworkDirection, inForce: NetworkDirection, _ endpoint: Operation.Endpoint) {
    (self.section, self.written, self.inForce, self.endpoint) = (section, written, inForce, endpoint)
    let address = CIDR.unmapped(endpoint.address)
    let host = CIDR(bytes: address, prefixLength: address.count * 8)
    self.host = host
    matching = inForce.candidates(at: host).filter {
      inForce.rules[$0].matches(port: endpoint.port.number, transport: endpoint.port.transport)
    }
  }

  func name(_ index: Int) -> String { written.rules[index].name(section, index) }

  var why: String {
    guard let first = matching.first else { return "no rule matches" }
    guard matching.count > 1 else { return "it is the only rule that matches" }
    return comparison(first, matching[1]).why
  }

  var candidates: [Explanation.Candidate] {
    matching.enumerated().map { place, index in
      Explanation.Candidate(
        name(index), written.rules[index].location,
        place == 0 ? "the first in rank" : comparison(matching[0], index).remark)
    }
  }

  private func comparison(_ first: Int, _ second: Int) -> (why: String, remark: String) {
    let (a, b) = (inForce.rules[first].rank, inForce.rules[second].rank)
    if a.0 != b.0 { return ("it has the longest prefix", "a shorter prefix") }
    if a.1 != b.1 { return ("a rule with ports comes before one without", "no ports, and one with ports comes first") }
    if a.2 != b.2 {
      return ("of equal rules Block comes before Audit, and Audit before Allow", "of equal rank, and less strict")
    }
    return ("of equal rules the first one decides", "of equal rank, and behind it")
  }

  var near: [Explanation.Candidate] {
    written.rules.indices.compactMap { index in
      nearness(written.rules[index]).map { Explanation.Candidate(name(index), written.rules[index].location, $0) }
    }
  }

  private func nearness(_ rule: NetworkRule) -> String? {
    let hasPort = rule.matches(port: endpoint.port.number, transport: endpoint.port.transport)
    if rule.applies(to: host) { return hasPort ? nil : "has other ports" }
    if let cidr = rule.cidr, cidr.contains(host), let except = rule.except.first(where: { $0.contains(host) }) {
      return "excepts \(except)"
    }
    return hasPort && !rule.ports.isEmpty ? "has other addresses" : nil
  }
}

extension NetworkRule {
  /// `network.egress.rules[1] Allow 10.0.0.0/8 TCP 443`
  package func name(_ section: String, _ index: Int) -> String {
    let ports = ports.map { " \($0.text)" }
    let shown = ports.prefix(4).joined(separator: ",") + (ports.count > 4 ? ", …" : "")
    return "\(section).rules[\(index)] \(action.name)\(cidr.map { " \($0)" } ?? "")\(shown)"
  }
}
