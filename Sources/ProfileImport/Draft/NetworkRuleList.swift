import Policy

/// Rules about connections as they are found. Of several about the same the strictest one holds.
struct NetworkRuleList {
  private(set) var entries: [DraftRule<NetworkRule>] = []

  var isEmpty: Bool { entries.isEmpty }

  mutating func add(_ rule: NetworkRule, comment: String?, _ place: String, _ notes: ImportNotes) {
    let entry = DraftRule(rule, comment, place)
    let known = entries.firstIndex { $0.rule.cidr == rule.cidr && Set($0.rule.ports) == Set(rule.ports) }
    if let known { return entries[known].join(entry, rule.subject, notes) }
    guard entries.count < NetworkRuleParser.rulesMax else {
      notes.problems.add(
        rule.location.line, "the document makes more than \(NetworkRuleParser.rulesMax) network rules; divide it")
      return
    }
    entries.append(entry)
  }

  /// Leaves out each rule that is milder than one that ranks behind it and is about some of the same connections. In a
  /// profile the most specific rule decides. Elsewhere the strictest one may.
  mutating func leaveOutMilder(_ notes: ImportNotes) {
    let all = entries
    entries.removeAll { entry in
      let around = all.map(\.rule).filter { $0.rank < entry.rule.rank && $0.overlaps(entry.rule) }
      guard let outer = around.max(by: { $0.action < $1.action }), outer.action > entry.rule.action else {
        return false
      }
      entry.leaveOut(entry.rule.subject, within: outer, outer.subject, notes)
      return true
    }
  }

  /// Leaves out each Audit rule about what no rule allows.
  mutating func leaveOutOfAllowList(_ notes: ImportNotes) {
    let all = entries
    entries.removeAll { entry in
      let isAllowed = entry.isAllowed || all.contains { $0.isAllowed && $0.rule.ports.isEmpty }
      if entry.rule.action != .audit || isAllowed { return false }
      entry.leaveOutOfAllowList(entry.rule.subject, notes)
      return true
    }
  }

  /// Takes out the rule about every protocol and address.
  mutating func removeWhole() -> DraftRule<NetworkRule>? {
    guard let index = entries.firstIndex(where: { $0.rule.ports.isEmpty && $0.rule.cidr == nil }) else { return nil }
    return entries.remove(at: index)
  }
}

extension NetworkRule {
  /// Whether some connections are matched by both.
  fileprivate func overlaps(_ other: NetworkRule) -> Bool {
    let shareAddresses = cidr.map { own in other.cidr.map { own.contains($0) || $0.contains(own) } ?? true } ?? true
    let sharePorts =
      ports.isEmpty || other.ports.isEmpty || ports.contains { own in other.ports.contains { own.meets($0) } }
    return shareAddresses && sharePorts
  }

  /// What the rule is about, in words: `10.0.0.0/8 TCP 443`.
  fileprivate var subject: String {
    let words = [cidr.map(\.description) ?? (ports.isEmpty ? "every connection" : nil)] + ports.prefix(4).map(\.text)
    return words.compactMap(\.self).joined(separator: " ") + (ports.count > 4 ? " and other ports" : "")
  }
}
