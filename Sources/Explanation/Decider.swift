import Policy

/// The part of a profile that made a decision.
package struct Decider: Hashable, Sendable {
  /// A list of rules.
  package enum Section: String, Sendable {
    case process, file
    case egress = "network.egress"
    case ingress = "network.ingress"
  }

  /// Its place: `process.rules[2]`.
  package var key: String
  /// The place, and what the profile says there: `process.rules[2] Block /bin/sh`.
  @ExactText package var text: String
  /// nil: it has no line of its own.
  package var location: Location?

  package init(_ key: String, _ what: String = "", at location: Location? = nil) {
    (self.key, text, self.location) = (key, what.isEmpty ? key : "\(key) \(what)", location)
  }

  fileprivate init(name: String, key: String, at location: Location?) {
    (self.key, text, self.location) = (key, name, location)
  }
}

extension Profile {
  /// What made a decision that the reference model tells.
  package func decider(of decision: Decision, in section: Decider.Section) -> Decider {
    let name = section.rawValue
    switch decision.reason {
    case .noSection: return Decider("no section \(name)")
    case .overLongPath: return Decider(name: "the strictest action of \(name)", key: "\(name).defaultAction", at: nil)
    case .defaultAction:
      return Decider("\(name).defaultAction", (defaultAction(of: section) ?? decision.action).name)
    case .entrypoint: return Decider("process.allowEntrypoint", "true")
    case .newExecutables: return Decider("process.newExecutables", process?.newExecutables.name ?? "")
    case .fileless: return Decider("process.fileless", process?.fileless.name ?? "")
    case .rule, .argument, .overLongArguments:
      guard let index = decision.rule else { return Decider("network.bind", at: network.bind?.location) }
      return ruleDecider(index, decision.argument, section)
    }
  }

  private func ruleDecider(_ index: Int, _ argument: Int?, _ section: Decider.Section) -> Decider {
    let key = "\(section.rawValue).rules[\(index)]"
    switch section {
    case .egress, .ingress:
      guard let rule = direction(section)?.rules[index] else { return Decider(key) }
      return Decider(name: rule.name(section.rawValue, index), key: key, at: rule.location)
    case .process, .file:
      let rule = rules(section == .process ? .process : .file)[index]
      let suffix = argument.map { ", arguments[\($0)] \(rule.arguments[$0].action.name)" } ?? ""
      return Decider(name: rule.name(section.rawValue, index) + suffix, key: key, at: rule.location)
    }
  }

  private func direction(_ section: Decider.Section) -> NetworkDirection? {
    section == .egress ? network.egress : network.ingress
  }

  private func defaultAction(of section: Decider.Section) -> Action? {
    switch section {
    case .process: process?.defaultAction
    case .file: fileAccess?.defaultAction
    case .egress, .ingress: direction(section)?.defaultAction
    }
  }
}
