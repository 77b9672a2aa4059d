import Explanation
import Policy

/// What two profiles say of connections in one direction.
struct DirectionComparison {
  private struct Pair: Hashable { var a, b: Difference.Side }

  /// Ports of one protocol that nothing tells apart; nil: what has no ports.
  private struct Ports: Hashable {
    var transport: PortRule.TransportProtocol?
    var first: UInt16 = 0
    var last: UInt16 = .max

    var text: String {
      guard let transport else { return "other protocols" }
      if first == 0, last == .max { return transport.rawValue }
      return "\(transport.rawValue) \(first == last ? "\(first)" : "\(first)-\(last)")"
    }
  }

  private let section: Decider.Section
  private let a, b: NetworkDirection?
  private let writtenA, writtenB: Profile

  init(_ section: Decider.Section, _ a: Profile, _ b: Profile) {
    self.section = section
    (writtenA, writtenB) = (a, b)
    let networks = [a, b].map { $0.applyingMode().network }
    self.a = section == .egress ? networks[0].egress : networks[0].ingress
    self.b = section == .egress ? networks[1].egress : networks[1].ingress
  }

  func differences() -> [Difference] {
    if a == nil, b == nil { return [] }
    let prefixes = (a?.prefixes ?? []).union(b?.prefixes ?? []).sorted()
    var found: [(ports: String, pair: Pair, prefixes: [String])] = []
    for (index, prefix) in prefixes.enumerated() {
      let inner = prefixes[(index + 1)...].filter(prefix.contains)
      guard let host = prefix.address(outside: inner) else { continue }
      for (pair, ports) in differences(at: host) {
        let text = Self.text(of: ports)
        if let known = found.firstIndex(where: { ($0.ports, $0.pair) == (text, pair) }) {
          found[known].prefixes.append(prefix.text(hasInner: !inner.isEmpty))
        } else {
          found.append((text, pair, [prefix.text(hasInner: !inner.isEmpty)]))
        }
      }
    }
    return found.map { ports, pair, prefixes in
      Difference(section.rawValue, "\(verb) \(Self.text(of: prefixes))\(ports)", pair.a, pair.b)
    }
  }

  private var verb: String { section == .egress ? "connections to" : "connections from" }

  private static let namesMax = 8

  private static func text(of prefixes: [String]) -> String {
    let rest = prefixes.count - namesMax
    return prefixes.prefix(namesMax).joined(separator: ", ") + (rest > 0 ? " and \(rest) more prefixes" : "")
  }

  /// Empty: every protocol and port.
  private static func text(of ports: [Ports]) -> String {
    let isAll =
      ports.count == PortRule.TransportProtocol.allCases.count + 1
      && ports.allSatisfy { $0.first == 0 && $0.last == .max }
    let rest = ports.count - namesMax
    return isAll
      ? "" : " by \(ports.prefix(namesMax).map(\.text).joined(separator: ", "))" + (rest > 0 ? " and \(rest) more" : "")
  }

  // MARK: One address

  private func differences(at host: CIDR) -> [(Pair, [Ports])] {
    let rules = [a, b].map { side in side.map { direction in direction.candidates(at: host) } ?? [] }
    let ports = [(a, rules[0]), (b, rules[1])].flatMap { direction, indices in
      indices.flatMap { direction?.rules[$0].ports ?? [] }
    }
    var found: [(Pair, [Ports])] = []
    for range in Self.ranges(ports) {
      let first = decide(a, rules[0], range), second = decide(b, rules[1], range)
      guard first.action != second.action else { continue }
      let pair = Pair(
        a: Difference.Side(first.action, writtenA.decider(of: first, in: section)),
        b: Difference.Side(second.action, writtenB.decider(of: second, in: section)))
      if let known = found.firstIndex(where: { $0.0 == pair }) {
        found[known].1 = Self.joined(found[known].1, range)
      } else {
        found.append((pair, [range]))
      }
    }
    return found
  }

  private func decide(_ direction: NetworkDirection?, _ candidates: [Int], _ ports: Ports) -> Decision {
    guard let direction else { return Decision(.allow, .noSection) }
    guard
      let rule = candidates.first(where: { direction.rules[$0].matches(port: ports.first, transport: ports.transport) })
    else { return Decision(direction.defaultAction, .defaultAction) }
    return Decision(direction.rules[rule].action, .rule, rule: rule)
  }

  /// Every range of ports that the rules tell apart.
  private static func ranges(_ rules: [PortRule]) -> [Ports] {
    PortRule.TransportProtocol.allCases.flatMap { transport in
      let own = rules.filter { $0.transport == transport }
      let starts = Set([0] + own.map { Int($0.first) } + own.map { Int($0.last) + 1 }).filter { $0 <= 65535 }.sorted()
      return starts.enumerated().map { index, start in
        let last = index + 1 < starts.count ? starts[index + 1] - 1 : 65535
        return Ports(transport: transport, first: UInt16(start), last: UInt16(last))
      }
    } + [Ports(transport: nil)]
  }

  /// Ranges that meet become one.
  private static func joined(_ list: [Ports], _ next: Ports) -> [Ports] {
    guard var last = list.last, last.transport == next.transport, Int(last.last) + 1 == Int(next.first) else {
      return list + [next]
    }
    last.last = next.last
    return list.dropLast() + [last]
  }
}

extension CIDR {
  /// The first address of the prefix that none of these prefixes has, as a prefix of one address; nil: they have all.
  ///
  /// - Parameter inner: of prefixes in this one.
  func address(outside inner: [CIDR]) -> CIDR? {
    var address = bytes
    while contains(address) {
      let holders = inner.filter { $0.contains(address) }
      guard let widest = holders.min(by: { $0.prefixLength < $1.prefixLength }) else {
        return CIDR(bytes: address, prefixLength: address.count * 8)
      }
      guard let next = widest.addressBehind else { return nil }
      address = next
    }
    return nil
  }

  /// The address behind the last one of the prefix; nil: there is none.
  private var addressBehind: [UInt8]? {
    // A prefix of no bits has all addresses.
    if prefixLength == 0 { return nil }
    var address = bytes
    var index = (prefixLength - 1) / 8
    let (sum, overflow) = address[index].addingReportingOverflow(1 << UInt8(7 - (prefixLength - 1) % 8))
    address[index] = sum
    var carries = overflow
    while carries {
      guard index > 0 else { return nil }
      index -= 1
      let (sum, overflow) = address[index].addingReportingOverflow(1)
      (address[index], carries) = (sum, overflow)
    }
    return address
  }

  fileprivate func text(hasInner: Bool) -> String {
    if prefixLength == 0 { return (hasInner ? "all other " : "all ") + (isIPv4 ? "IPv4 addresses" : "IPv6 addresses") }
    return hasInner ? "the rest of \(self)" : "\(self)"
  }
}
