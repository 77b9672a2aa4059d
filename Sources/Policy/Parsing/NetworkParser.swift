import YAML

extension ProfileLayer.Direction {
  static func read(_ network: Fields, _ key: String) -> Self? {
    guard let fields = network.section(key, keys: ["defaultAction", "rules"]) else { return nil }
    var section = Self()
    section.defaultAction = fields.action("defaultAction")
    section.rules = NetworkRuleParser(section: fields).rules()
    return section
  }
}

extension BindList {
  /// The limit for one file. The kernel's list also holds what ingress blocks (`CompiledPolicy.bindsMax`).
  package static let portsMax = 16

  static func read(_ network: Fields) -> Self? {
    guard network.has("bind") else { return nil }
    let ports = NetworkRuleParser(section: network).ports(network, "bind", limit: portsMax)
    return Self(ports: ports, location: network.location(of: "bind"))
  }
}

/// Reads the rules of `network.egress` or `network.ingress`, and their ports.
package struct NetworkRuleParser {
  /// The limit for one direction.
  package static let rulesMax = 512
  /// The limit for one rule.
  package static let exceptMax = 64
  /// The limit for one rule: a node of the kernel's tries holds no more entries (bpf/include/stockade.h).
  package static let portsMax = 64

  let section: Fields
  private var problems: Problems { section.problems }

  func rules() -> [NetworkRule] {
    guard let nodes = section.list("rules", limit: Self.rulesMax) else { return [] }
    let rules = nodes.enumerated().compactMap { index, node in
      problems.whole { rule(node, "\(section.path("rules"))[\(index)]") }
    }
    reportRepeated(rules)
    return rules
  }

  private func rule(_ node: Node, _ place: String) -> NetworkRule? {
    guard let fields = Fields(node, place, keys: ["cidr", "except", "ports", "action", "tags"], problems) else {
      return nil
    }
    if !fields.has("cidr"), !fields.has("ports"), !fields.hasUnknownKeys {
      problems.add(
        fields.line, "\(place) has neither cidr nor ports; add one, or write defaultAction instead of the rule")
    }
    let action = fields.requiredAction()
    let cidr = cidr(fields)
    let except = except(fields, inside: cidr)
    let ports = ports(fields)
    let tags = fields.tags()
    guard let action else { return nil }
    var rule = NetworkRule(action: action, location: Location(file: problems.file, line: fields.line))
    (rule.cidr, rule.except, rule.ports) = (cidr, except, ports)
    rule.tags = tags
    return rule
  }

  private func reportRepeated(_ rules: [NetworkRule]) {
    var earlier: [NetworkRule.Match: NetworkRule] = [:]
    for rule in rules {
      if let other = earlier.updateValue(rule, forKey: rule.match) {
        let why = other.action == rule.action ? "repeats" : "contradicts \(other.action.name) in"
        problems.add(
          rule.location.line,
          "this \(rule.action.name) rule \(why) the one at line \(other.location.line), which matches the same; "
            + "remove one of them")
      }
    }
  }
}

extension NetworkRuleParser {
  private func cidr(_ fields: Fields) -> CIDR? {
    guard let text = fields.text("cidr") else { return nil }
    return parse(text, fields.line(of: "cidr"), fields.path("cidr"))
  }

  private func except(_ fields: Fields, inside cidr: CIDR?) -> [CIDR] {
    guard let texts = fields.texts("except", limit: Self.exceptMax) else { return [] }
    if !fields.has("cidr") { fields.refuse("except", "needs a cidr to except from; add cidr") }
    var except: [CIDR] = []
    for (index, entry) in texts.enumerated() {
      let place = "\(fields.path("except"))[\(index)]"
      guard let inner = parse(entry.text, entry.line, place), let cidr else { continue }
      if let problem = problem(of: inner, inside: cidr) {
        problems.add(entry.line, "\(place) \(inner) \(problem)")
      } else {
        except.append(inner)
      }
    }
    return except
  }

  private func problem(of inner: CIDR, inside outer: CIDR) -> String? {
    if inner.isIPv4 != outer.isIPv4 { return "is of another address family than \(outer); make a rule for each" }
    if inner == outer { return "is the whole cidr, so the rule matches nothing; remove the rule" }
    if !outer.contains(inner) { return "lies outside \(outer); remove it" }
    return nil
  }

  private func parse(_ text: String, _ line: Int, _ place: String) -> CIDR? {
    do { return try CIDR(parsing: text) } catch {
      problems.add(line, "\(place) \(quoted(text)) \(error.message)")
      return nil
    }
  }
}

extension NetworkRuleParser {
  fileprivate func ports(_ fields: Fields, _ key: String = "ports", limit: Int = Self.portsMax) -> [PortRule] {
    guard let nodes = fields.list(key, limit: limit) else { return [] }
    var ports: [PortRule] = []
    for (index, node) in nodes.enumerated() {
      let place = "\(fields.path(key))[\(index)]"
      guard let port = port(node, place) else { continue }
      if ports.contains(port) { problems.add(node.line, "\(place) repeats an earlier one; remove it") }
      ports.append(port)
    }
    return ports
  }

  private func port(_ node: Node, _ place: String) -> PortRule? {
    guard let fields = Fields(node, place, keys: ["protocol", "port", "endPort"], problems) else { return nil }
    if node.entries?.isEmpty == true {
      problems.add(node.line, "\(place) is empty; add protocol or port, or remove it")
    }
    let transport = fields.word("protocol", \PortRule.TransportProtocol.rawValue)
    let first = fields.integer("port", in: 1...65535)
    let last = fields.integer("endPort", in: 1...65535)
    if !fields.has("port") {
      fields.refuse("endPort", "needs the first port; add port")
      return PortRule(transport: transport ?? .tcp, first: 0, last: .max)
    }
    guard let first else { return nil }
    if let last, last < first {
      problems.add(fields.line(of: "endPort"), "\(place).endPort \(last) is below port \(first); swap them")
      return nil
    }
    return PortRule(transport: transport ?? .tcp, first: UInt16(first), last: UInt16(last ?? first))
  }
}

extension NetworkRule {
  /// What a rule matches, whatever the order in which it is written.
  struct Match: Hashable {
    var cidr: CIDR?
    var except: Set<CIDR>
    var ports: Set<PortRule>
  }

  var match: Match { Match(cidr: cidr, except: Set(except), ports: Set(ports)) }
}
