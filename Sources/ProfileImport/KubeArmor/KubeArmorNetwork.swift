import Policy
import YAML

/// `network`: KubeArmor judges the making of sockets, and so both directions.
extension KubeArmorImport {
  mutating func readNetwork(_ section: SourceMapping) {
    let defaults = RuleDefaults(section, within: inherited)
    if let comment = defaults.comment { draft.comments.above["spec.network"] = [comment] }
    var rules = NetworkRuleList()
    var hasAllow = false
    for rule in section.mappings("matchProtocols") {
      let own = RuleDefaults(rule, within: defaults)
      // Also one that cannot be carried over closes the section.
      if own.action == .allow { hasAllow = true }
      if let made = protocolRule(rule, own) { rules.add(made, comment: own.comment, rule.place, notes) }
    }
    section.lose(
      "matchDNSQueries", "Stockade does not look into DNS; block the addresses, or the resolver's port 53")
    section.finish()
    write(rules, hasAllow: hasAllow, section)
  }

  /// nil: it is told as lost. Without ports: every protocol.
  private mutating func protocolRule(_ rule: SourceMapping, _ defaults: RuleDefaults) -> NetworkRule? {
    let word = rule.text("protocol") ?? ""
    let source = rule["fromSource"]
    rule.pass("pts")
    rule.finish()
    if source != nil {
      let then = Self.withoutCondition(defaults.action)
      notes.lost(
        rule.line(of: "fromSource"), rule.path("fromSource"),
        "no rule of Stockade depends on the program that acts; \(then ?? "the rule is left out")")
      if then == nil { return nil }
    }
    var made = NetworkRule(action: defaults.action, location: notes.location(rule.line))
    made.tags = defaults.tags
    if word.lowercased() == "all" { return made }
    guard let transport = PortRule.TransportProtocol(rawValue: word.uppercased()) else {
      loseProtocol(word, rule, defaults.action)
      return nil
    }
    made.ports = [PortRule(transport: transport, first: 0, last: .max)]
    return made
  }

  private mutating func loseProtocol(_ word: String, _ rule: SourceMapping, _ action: Action) {
    if word.lowercased() == "raw", action == .block {
      if !draft.profile.kernelBlock.contains(.packetSockets) { draft.profile.kernelBlock.append(.packetSockets) }
      return
    }
    notes.lost(
      rule.line(of: "protocol"), rule.path("protocol"),
      "no rule can name the protocol \(quoted(word)); rules name TCP, UDP and SCTP, a rule with cidr and without ports "
        + "is about every protocol, and kernel.block: [packetSockets] is about raw sockets")
  }

  private mutating func write(_ found: NetworkRuleList, hasAllow: Bool, _ section: SourceMapping) {
    guard !found.isEmpty || hasAllow else { return }
    var rules = found
    if hasAllow { rules.leaveOutOfAllowList(notes) }
    rules.leaveOutMilder(notes)
    let whole = rules.removeWhole()
    let defaultAction = whole?.rule.action ?? (hasAllow ? .block : .allow)
    if let whole, !whole.rule.tags.isEmpty {
      notes.lost(whole.rule.location.line, whole.place, "it becomes defaultAction, which has no tags")
    }
    if let comment = whole?.comment { draft.comments.above["spec.network", default: []].append(comment) }
    if hasAllow, whole == nil {
      notes.tell(
        section.line, section.place,
        "its Allow rules make defaultAction Block, as KubeArmor's posture block; write Audit where its posture is audit"
      )
    }
    draft.profile.network.egress = draft.take(rules, "spec.network.egress", defaultAction: defaultAction)
    draft.profile.network.ingress = draft.take(rules, "spec.network.ingress", defaultAction: defaultAction)
    notes.tell(
      section.line, section.place,
      "KubeArmor judges sockets; the rules are written for both directions, and sockets may still be made")
  }
}
