import Policy

private typealias PortVerdict = CompiledPolicy.PortVerdict

extension CompiledPolicy {
  /// Adds the network sections, and the ports that bind(2) is refused. A section that allows everything is left out.
  ///
  /// - Parameter listed: what bind(2) to a port of `bind` gets.
  mutating func add(_ network: NetworkSection, listed: Action) throws(CompilationError) {
    var misfits: [Misfit] = []
    do { if let section = network.egress { egress = try Direction(section, "spec.network.egress") } } catch {
      misfits.append(error)
    }
    do { if let section = network.ingress { try add(ingress: section, network.bind, listed) } } catch {
      misfits.append(error)
    }
    if !misfits.isEmpty { throw CompilationError(misfits: misfits) }
  }

  private mutating func add(ingress section: NetworkDirection, _ list: BindList?, _ listed: Action) throws(Misfit) {
    ingress = try Direction(section, "spec.network.ingress")
    guard let ingress else { return }
    let blocked = ingress.blockedPorts
    if blocked.isEmpty { return }
    binds = (list?.ports ?? []).map { $0.entry(listed) } + blocked
    if binds.count > Self.bindsMax {
      // Without rules and without `bind`, ingress blocks two ranges.
      throw .binds(count: binds.count, withList: list != nil, at: list?.location ?? section.rules[0].location)
    }
  }
}

extension CompiledPolicy.Direction {
  /// - Parameter place: the section's place, for messages.
  fileprivate init?(_ section: NetworkDirection, _ place: String) throws(Misfit) {
    guard section.strictest != .allow else { return nil }
    self.init(defaultAction: section.defaultAction, strictest: section.strictest)
    let cidrs = section.prefixes.sorted()
    if cidrs.count > CompiledPolicy.prefixesMax, let last = section.rules.last {
      throw .prefixes(section: place, count: cidrs.count, at: last.location)
    }
    for cidr in cidrs { prefixes.append(try CompiledPolicy.Prefix(cidr, of: section, place)) }
  }

  /// The ports of TCP and UDP that are blocked or audited for every peer, each with the mildest action that some prefix
  /// has for it.
  fileprivate var blockedPorts: [CompiledPolicy.PortVerdict] {
    [PortRule.TransportProtocol.tcp, .udp].flatMap { transport in
      // Until a list says something, this is more than any list says: the first list sets action and rule.
      var blocked: [(port: PortVerdict, isSet: Bool)] = [
        (PortVerdict(protocolNumber: transport.number, first: 0, last: .max, action: .block), false)
      ]
      for prefix in prefixes {
        if blocked.isEmpty { break }
        blocked = blocked.flatMap { prefix.mildest($0.port, isSet: $0.isSet, defaultAction).map { ($0, true) } }
      }
      return blocked.map(\.port).joined
    }
  }
}

extension CompiledPolicy.Prefix {
  /// The rules that apply to the whole of `cidr`, in the order in which they are asked.
  fileprivate init(_ cidr: CIDR, of section: NetworkDirection, _ place: String) throws(Misfit) {
    self.init(cidr: cidr, entries: [])
    let rules = section.candidates(at: cidr)
    for entry in rules.flatMap({ section.rules[$0].entries(rule: $0) })
    where !entries.contains(where: { $0.hides(entry) }) {
      entries.append(entry)
    }
    if entries.count > CompiledPolicy.entriesMax {
      throw .entries(
        section: place, prefix: "\(cidr)", count: entries.count, at: section.rules[rules[0]].location)
    }
  }

  /// Splits `range` where this list's verdict changes, and gives each part the milder of both actions. Parts that are
  /// allowed are left out.
  fileprivate func mildest(_ range: PortVerdict, isSet: Bool, _ defaultAction: Action) -> [PortVerdict] {
    let entries = entries.filter { $0.protocolNumber == 0 || $0.protocolNumber == range.protocolNumber }
    let starts = entries.flatMap { [Int($0.first), Int($0.last) + 1] }.filter { $0 > range.first && $0 <= range.last }
    let bounds = Set(starts + [Int(range.first)]).sorted() + [Int(range.last) + 1]
    return zip(bounds, bounds.dropFirst()).compactMap { start, end in
      let entry = entries.first { $0.first <= start && start <= $0.last }
      let action = entry?.action ?? defaultAction
      if action == .allow { return nil }
      var part = range
      (part.first, part.last) = (UInt16(start), UInt16(end - 1))
      if !isSet || action < part.action { (part.action, part.rule) = (action, entry?.rule) }
      return part
    }
  }
}

extension NetworkRule {
  /// One entry for each port range. Ports 0 to 65535 of protocol 0 are everything.
  fileprivate func entries(rule: Int) -> [CompiledPolicy.PortVerdict] {
    if ports.isEmpty { return [PortVerdict(protocolNumber: 0, first: 0, last: .max, action: action, rule: rule)] }
    return ports.map { $0.entry(action, rule: rule) }
  }
}

extension PortRule {
  fileprivate func entry(_ action: Action, rule: Int? = nil) -> CompiledPolicy.PortVerdict {
    PortVerdict(protocolNumber: transport.number, first: first, last: last, action: action, rule: rule)
  }
}

extension CompiledPolicy.PortVerdict {
  /// Whether `later` never decides after this entry. The ports of a later fragment are unknown, and a Block entry still
  /// matches it. So an entry with other than all ports hides only entries of its own action.
  fileprivate func hides(_ later: Self) -> Bool {
    guard protocolNumber == 0 || protocolNumber == later.protocolNumber, first <= later.first, later.last <= last else {
      return false
    }
    return action == later.action || (first == 0 && last == .max)
  }
}

extension [CompiledPolicy.PortVerdict] {
  /// Joins neighbours that have the same verdict.
  fileprivate var joined: Self {
    reduce(into: []) { result, range in
      if let last = result.last, Int(last.last) + 1 == Int(range.first), last.action == range.action,
        last.rule == range.rule
      {
        result[result.count - 1].last = range.last
      } else {
        result.append(range)
      }
    }
  }
}
