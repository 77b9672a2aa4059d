import BPF
import CStockade
import Policy

/// Why a profile's network rules do not fit the kernel's tables.
package enum CompileNetworkError: Error, Equatable, CustomStringConvertible {
  /// `count` port entries would apply to one prefix.
  case entries(prefix: String, count: Int, at: Location)
  /// Ingress blocks `count` separate port ranges for every peer.
  case bindRanges(count: Int, at: Location)

  package var problem: Problem {
    switch self {
    case .entries(_, _, let location), .bindRanges(_, let location): Problem(location, message)
    }
  }

  package var description: String { problem.description }

  private var message: String {
    switch self {
    case .entries(let prefix, let count, _):
      "\(count) rules and ports apply to \(prefix), and an address may have \(STOCKADE_NET_ENTRIES_MAX); "
        + "join ports into ranges with endPort, or use fewer rules for it"
    case .bindRanges(let count, _):
      "ingress blocks \(count) separate port ranges for every peer, and a profile may have "
        + "\(STOCKADE_BIND_RANGES_MAX); join ports into ranges with endPort"
    }
  }
}

/// Adds the network sections to `compiled`: their prefixes, and in its `policy` the defaults, flags and ports that
/// bind() refuses. A section that allows everything is left out. `mode: Audit` is applied by the caller.
package func compileNetwork(
  _ network: NetworkSection, into compiled: inout CompiledPolicy
) throws(CompileNetworkError) {
  if let section = network.egress, section.strictest != .allow {
    compiled.egress = try section.lists().map(CompiledPolicy.Prefix.init)
    compiled.policy.flags |= UInt32(STOCKADE_HAS_EGRESS.rawValue)
    compiled.policy.egress_default = section.defaultAction.rawValue
    compiled.policy.egress_strictest = section.strictest.rawValue
  }
  if let section = network.ingress, section.strictest != .allow {
    let lists = try section.lists()
    compiled.ingress = lists.map(CompiledPolicy.Prefix.init)
    compiled.policy.flags |= UInt32(STOCKADE_HAS_INGRESS.rawValue)
    compiled.policy.ingress_default = section.defaultAction.rawValue
    compiled.policy.ingress_strictest = section.strictest.rawValue
    try compiled.policy.setBindRanges(bindRanges(lists, section), of: section)
  }
}

extension stockade_policy {
  fileprivate mutating func setBindRanges(
    _ ranges: [stockade_port_range], of section: NetworkDirection
  ) throws(CompileNetworkError) {
    if ranges.isEmpty { return }
    guard ranges.count <= STOCKADE_BIND_RANGES_MAX else {
      throw .bindRanges(count: ranges.count, at: section.rules[0].location)
    }
    flags |= UInt32(STOCKADE_HAS_BIND.rawValue)
    bind_range_count = UInt16(ranges.count)
    withUnsafeMutableBytes(of: &bind_ranges) {
      _ = $0.bindMemory(to: stockade_port_range.self).update(fromContentsOf: ranges)
    }
  }
}

extension CompiledPolicy.Prefix {
  fileprivate init(_ list: EntryList) {
    var node = stockade_net_node()
    node.count = UInt32(list.entries.count)
    withUnsafeMutableBytes(of: &node.entries) {
      _ = $0.bindMemory(to: stockade_port_range.self).update(fromContentsOf: list.entries)
    }
    self.init(address: list.prefix.cidr.bytes, length: list.prefix.length, node: node)
  }
}

extension NetworkDirection {
  /// The greatest action of the section.
  fileprivate var strictest: Action { rules.map(\.action).reduce(defaultAction, max) }

  /// A list of entries for every prefix that a rule or an exception names, and for /0 of both families.
  fileprivate func lists() throws(CompileNetworkError) -> [EntryList] {
    let scopes = rules.enumerated().map { RuleScope($0.element, index: $0.offset) }
    var prefixes: Set = [BitPrefix.everyIPv4, .everyIPv6]
    for scope in scopes { prefixes.formUnion(scope.cidrs + scope.except) }
    var lists: [EntryList] = []
    for prefix in prefixes.sorted() { lists.append(try EntryList(prefix, scopes)) }
    return lists
  }
}

/// An address prefix as bits, so that containment is one comparison.
private struct BitPrefix: Hashable, Comparable {
  static let everyIPv4 = Self(CIDR(bytes: [0, 0, 0, 0], prefixLength: 0))
  static let everyIPv6 = Self(CIDR(bytes: [UInt8](repeating: 0, count: 16), prefixLength: 0))

  let cidr: CIDR
  /// The address in the uppermost bits.
  let bits: UInt128
  var length: Int { cidr.prefixLength }

  init(_ cidr: CIDR) {
    self.cidr = cidr
    bits = cidr.bytes.reduce(0) { $0 << 8 | UInt128($1) } << UInt128(128 - cidr.bytes.count * 8)
  }

  func contains(_ other: Self) -> Bool {
    cidr.isIPv4 == other.cidr.isIPv4 && length <= other.length
      && (bits ^ other.bits) >> UInt128(128 - length) == 0
  }

  static func < (a: Self, b: Self) -> Bool {
    (a.cidr.isIPv4 ? 0 : 1, a.length, a.bits) < (b.cidr.isIPv4 ? 0 : 1, b.length, b.bits)
  }
}

/// A rule, and where it applies.
private struct RuleScope {
  let rule: NetworkRule
  let index: Int
  let cidrs: [BitPrefix]
  let except: [BitPrefix]

  init(_ rule: NetworkRule, index: Int) {
    self.rule = rule
    self.index = index
    cidrs = rule.cidr.map { [BitPrefix($0)] } ?? [.everyIPv4, .everyIPv6]
    except = rule.except.map(BitPrefix.init)
  }

  func applies(to prefix: BitPrefix) -> Bool {
    cidrs.contains { $0.contains(prefix) } && !except.contains { $0.contains(prefix) }
  }

  /// One per port range; ports 0 to 65535 of protocol 0 is everything.
  var entries: [stockade_port_range] {
    let ports = rule.ports.map { (protocolNumber($0.transport), $0.first, $0.last) }
    return (ports.isEmpty ? [(0, 0, UInt16.max)] : ports).map {
      stockade_port_range(
        protocol: $0.0, action: rule.action.rawValue, first: $0.1, last: $0.2, pad: 0, rule: UInt32(index))
    }
  }

  /// The longest prefix first, then with ports before without, then Block before Audit before Allow.
  func precedes(_ other: Self) -> Bool {
    let (length, otherLength) = (cidrs[0].length, other.cidrs[0].length)
    if length != otherLength { return length > otherLength }
    if rule.ports.isEmpty != other.rule.ports.isEmpty { return !rule.ports.isEmpty }
    if rule.action != other.rule.action { return rule.action > other.rule.action }
    return index < other.index
  }
}

/// What applies to a prefix where no longer one is named: the first entry that matches decides.
private struct EntryList {
  let prefix: BitPrefix
  var entries: [stockade_port_range] = []

  init(_ prefix: BitPrefix, _ scopes: [RuleScope]) throws(CompileNetworkError) {
    self.prefix = prefix
    let applying = scopes.filter { $0.applies(to: prefix) }.sorted { $0.precedes($1) }
    for entry in applying.flatMap(\.entries) where !entries.contains(where: { $0.hides(entry) }) {
      entries.append(entry)
    }
    if entries.count > STOCKADE_NET_ENTRIES_MAX {
      throw .entries(prefix: "\(prefix.cidr)", count: entries.count, at: applying[0].rule.location)
    }
  }
}

extension stockade_port_range {
  /// Whether `later` never decides after this entry. Of a later fragment the ports are unknown and a Block entry still
  /// matches, so an entry with other than all ports hides only those of its own action.
  fileprivate func hides(_ later: Self) -> Bool {
    guard `protocol` == 0 || `protocol` == later.protocol, first <= later.first, later.last <= last else {
      return false
    }
    return action == later.action || (first == 0 && last == .max)
  }
}

private func protocolNumber(_ transport: PortRule.TransportProtocol) -> UInt8 {
  switch transport {
  case .tcp: 6
  case .udp: 17
  case .sctp: 132
  }
}

/// The ports of TCP and UDP that the lists block, or audit, for every peer: what bind() refuses.
private func bindRanges(_ lists: [EntryList], _ section: NetworkDirection) -> [stockade_port_range] {
  [PortRule.TransportProtocol.tcp, .udp].flatMap { transport in
    var refused = [stockade_port_range(wholeOf: protocolNumber(transport))]
    for list in lists {
      if refused.isEmpty { break }
      refused = refused.flatMap { mildest($0, list, section.defaultAction) }
    }
    return joined(refused)
  }
}

/// Splits `range` where the list's verdict changes, and gives each part the milder of both actions; allowed: left out.
private func mildest(
  _ range: stockade_port_range, _ list: EntryList, _ defaultAction: Action
) -> [stockade_port_range] {
  let entries = list.entries.filter { $0.protocol == 0 || $0.protocol == range.protocol }
  let starts = entries.flatMap { [Int($0.first), Int($0.last) + 1] }.filter { $0 > range.first && $0 <= range.last }
  let bounds = Set(starts + [Int(range.first)]).sorted() + [Int(range.last) + 1]
  return zip(bounds, bounds.dropFirst()).compactMap { start, end in
    let entry = entries.first { $0.first <= start && start <= $0.last }
    let action = entry?.action ?? defaultAction.rawValue
    if action == Action.allow.rawValue { return nil }
    var part = range
    (part.first, part.last) = (UInt16(start), UInt16(end - 1))
    if action < part.action { (part.action, part.rule) = (action, entry?.rule ?? STOCKADE_NO_RULE) }
    return part
  }
}

private func joined(_ ranges: [stockade_port_range]) -> [stockade_port_range] {
  ranges.reduce(into: []) { result, range in
    if let last = result.last, Int(last.last) + 1 == Int(range.first), last.action == range.action,
      last.rule == range.rule
    {
      result[result.count - 1].last = range.last
    } else {
      result.append(range)
    }
  }
}

extension stockade_port_range {
  /// Every port, more strictly than any rule can be, so that the first list sets action and rule.
  fileprivate init(wholeOf protocolNumber: UInt8) {
    self.init(protocol: protocolNumber, action: .max, first: 0, last: .max, pad: 0, rule: STOCKADE_NO_RULE)
  }
}
