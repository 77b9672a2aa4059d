import Compilation
import Policy

/// Connections and bound ports -> network rules.
extension ProfileDraft {
  mutating func addNetwork() {
    guard tier > .none, sees(.connections, for: "network section") else { return }
    addEgress()
    guard sees(.binds, for: "network.ingress") else { return }
    addIngress()
  }

  private mutating func addEgress() {
    let used = connections(.egress)
    var peers = Peers(keepsAddresses: options.keepsAddresses)
    for (connection, count) in used { peers.add(connection, count) }
    add(peers.rules, to: \.egress, "egress")
  }

  private mutating func addIngress() {
    var counts: [PortRule: UInt64] = [:]
    for (connection, count) in connections(.ingress) { counts.add(connection.port.rule, count) }
    var clients: Set<PortRule> = []
    for (port, count) in recording.binds where port.hasRule {
      // A server of UDP that nobody asked cannot be told from a client with a port of its own.
      if port.transport == .udp, counts[port.rule] == nil {
        clients.insert(port.rule)
      } else {
        counts.add(port.rule, count)
      }
    }
    let bound = addBind(clients)
    // What is blocked beside so many ports of TCP and UDP: the ranges between them, and one more of each.
    let room = CompiledPolicy.bindsMax - 2 - bound
    add(counts.isEmpty ? [] : [PortGroup(counts)], to: \.ingress, "ingress", room: room)
  }

  /// - Returns: how many ports the list has.
  private mutating func addBind(_ clients: Set<PortRule>) -> Int {
    if clients.isEmpty { return 0 }
    let ports = clients.joined(collapsingFrom: Self.firstUnprivileged)
    leaveOut(
      ports.dropFirst(BindList.portsMax).map { "bind \($0.text)" },
      "a profile has at most \(BindList.portsMax) ports in bind")
    profile.network.bind = BindList(ports: Array(ports.prefix(BindList.portsMax)), location: Self.location)
    comments.above["spec.network.bind"] = ["Bound, and nobody connected to it. This lets no peer in."]
    return min(ports.count, BindList.portsMax)
  }

  private static let firstUnprivileged: UInt16 = 1024
  /// `{protocol: SCTP, port: 32768, endPort: 65535}`
  private static let bytesOfPort = 24

  private mutating func add(
    _ groups: [PortGroup], to direction: WritableKeyPath<NetworkSection, NetworkDirection?>, _ name: String,
    room: Int = CompiledPolicy.entriesMax
  ) {
    var section = NetworkDirection()
    section.defaultAction = .block
    // The ports of a rule without an address count for every address.
    let shared = groups.first.flatMap { $0.cidr == nil ? min($0.ports.count, room) : nil } ?? 0
    let kept = fitting(
      groups, limit: NetworkRuleParser.rulesMax, bytes: { $0.ports.count * Self.bytesOfPort },
      name: { "\(name) \($0.cidr?.description ?? "any address")" })
    var others: [String] = []
    for group in kept {
      let ports = group.ports.prefix(group.cidr == nil ? room : room - shared)
      others += group.ports.dropFirst(ports.count).map { "\(name) \($0.text)" }
      if ports.isEmpty { continue }
      count(group.count, at: "spec.network.\(name).rules[\(section.rules.count)]")
      section.rules.append(group.rule(Array(ports)))
    }
    leaveOut(others, "one address has at most \(room) ports")
    profile.network[keyPath: direction] = section
  }

  /// Those that a rule can name; the others are left out.
  private mutating func connections(_ direction: Recording.Direction) -> [Recording.Connection: UInt64] {
    let used = recording.connections.filter { $0.key.direction == direction }
    let others = used.keys.filter { !$0.port.hasRule }.map { "\(direction.rawValue) \(CIDR.text(of: $0.address))" }
    leaveOut(
      Set(others).sorted().map { $0 + " without a port" },
      "a rule without ports would be about every protocol; write one by hand if it is needed")
    return used.filter { $0.key.port.hasRule }
  }
}

extension Recording.Port {
  /// Whether a rule can name it without naming more.
  var hasRule: Bool { transport != nil && port > 0 }

  var rule: PortRule { PortRule(transport: transport ?? .tcp, first: port, last: port) }
}
