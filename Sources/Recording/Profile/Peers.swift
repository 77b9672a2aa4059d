import Policy

/// The ports of one address, or of any.
struct PortGroup {
  /// From here on the kernel and libraries choose ports.
  static let firstDynamic: UInt16 = 32768

  var cidr: CIDR?
  /// Sorted; what is next to each other is joined.
  var ports: [PortRule]
  var count: UInt64

  init(cidr: CIDR? = nil, _ counts: [PortRule: UInt64]) {
    self.cidr = cidr
    ports = Set(counts.keys).joined(collapsingFrom: Self.firstDynamic)
    count = counts.values.reduce(0) { $0.addingOrMax($1) }
  }

  func rule(_ ports: [PortRule]) -> NetworkRule {
    var rule = NetworkRule(action: .allow, location: ProfileDraft.location)
    (rule.cidr, rule.ports) = (cidr, ports)
    return rule
  }
}

extension Set<PortRule> {
  /// Ranges of the single ports. Of many ports from `first` on, others are used in the next run: they become one range.
  func joined(collapsingFrom first: UInt16) -> [PortRule] {
    PortRule.TransportProtocol.allCases.flatMap { transport in
      let all = filter { $0.transport == transport }.map(\.first).sorted()
      let isMany = all.count { $0 >= first } > Siblings.max
      let fixed = isMany ? all.filter { $0 < first } : all
      var ranges = fixed.reduce(into: [PortRule]()) { ranges, port in
        if let last = ranges.last, last.last == port - 1 {
          ranges[ranges.count - 1].last = port
        } else {
          ranges.append(PortRule(transport: transport, first: port, last: port))
        }
      }
      if isMany { ranges.append(PortRule(transport: transport, first: first, last: .max)) }
      return ranges
    }
  }
}

/// Peers by their ports -> groups of ports by address.
struct Peers {
  /// So many addresses of a port get rules of their own.
  static let max = 3
  private static let dns: UInt16 = 53
  private static let loopback = CIDR(bytes: [127, 0, 0, 0], prefixLength: 8)
  private static let loopback6 = CIDR(bytes: [UInt8](repeating: 0, count: 15) + [1], prefixLength: 128)

  let keepsAddresses: Bool
  private var addresses: [PortRule: [CIDR: UInt64]] = [:]

  init(keepsAddresses: Bool) { self.keepsAddresses = keepsAddresses }

  mutating func add(_ connection: Recording.Connection, _ count: UInt64) {
    let address = CIDR.unmapped(connection.address)
    let host = CIDR(bytes: address, prefixLength: address.count * 8)
    let cidr = Self.loopback.contains(host) ? Self.loopback : host
    addresses[connection.port.rule, default: [:]].add(cidr, count)
    // A resolver asks again by TCP where an answer is too long for UDP.
    if connection.port.rule == PortRule(transport: .udp, first: Self.dns, last: Self.dns) {
      addresses[PortRule(transport: .tcp, first: Self.dns, last: Self.dns), default: [:]].add(cidr, 0)
    }
  }

  /// The ports of any address first, then by address.
  var rules: [PortGroup] {
    var any: [PortRule: UInt64] = [:]
    var groups: [CIDR: [PortRule: UInt64]] = [:]
    for (port, counts) in addresses {
      let outer = counts.keys.count { $0 != Self.loopback && $0 != Self.loopback6 }
      for (cidr, count) in counts {
        if outer > Self.max, !keepsAddresses {
          any.add(port, count)
        } else {
          groups[cidr, default: [:]].add(port, count)
        }
      }
    }
    return (any.isEmpty ? [] : [PortGroup(any)])
      + groups.sorted { $0.key < $1.key }.map { PortGroup(cidr: $0.key, $0.value) }
  }
}

extension Dictionary where Value == UInt64 {
  mutating func add(_ key: Key, _ count: UInt64) { self[key] = (self[key] ?? 0).addingOrMax(count) }

  mutating func add(_ other: Self) { merge(other) { $0.addingOrMax($1) } }
}
