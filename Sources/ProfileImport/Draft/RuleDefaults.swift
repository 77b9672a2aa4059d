import Policy
import YAML

/// What rules inherit: the rule's own value, or the section's, or the policy's.
struct RuleDefaults {
  /// Without any action KubeArmor blocks.
  var action: Action = .block
  var tags: [String] = []
  /// What this mapping says itself of severity and message.
  var comment: String?

  init() {}

  init(_ mapping: SourceMapping, within outer: RuleDefaults) {
    self.init(describing: mapping, within: outer)
    action = mapping.text("action").map { Self.action($0, mapping) } ?? outer.action
  }

  /// Tags, severity and message alone.
  init(describing mapping: SourceMapping, within outer: RuleDefaults = RuleDefaults()) {
    let own = mapping.notes.tags(mapping.texts("tags"))
    tags = own.isEmpty ? outer.tags : own
    let severity = mapping.text("severity").map { "severity \($0)" }
    let parts = [severity, mapping.text("message")].compactMap(\.self)
    comment = parts.isEmpty ? nil : parts.joined(separator: ": ")
  }

  private static func action(_ word: String, _ mapping: SourceMapping) -> Action {
    if let action = Action.allCases.first(where: { $0.name.lowercased() == word.lowercased() }) { return action }
    mapping.notes.problems.add(
      mapping.line(of: "action"), "\(mapping.path("action")) is \(quoted(word)); Allow, Audit or Block is expected")
    return .block
  }
}
