import Policy

/// A rule of any section.
protocol ActionRule {
  var action: Action { get }
  var tags: [String] { get }
  var location: Location { get }
}

extension PathRule: ActionRule {}
extension NetworkRule: ActionRule {}

/// A rule as it was found.
struct DraftRule<Rule: ActionRule> {
  var rule: Rule
  var comment: String?
  /// Where the rule stands in the document.
  var place: String
  /// Whether a rule about the same has Allow.
  var isAllowed: Bool
  /// Whether it blocks only what an Allow rule does not name, so that another Allow rule within it holds.
  var isRemainder = false

  init(_ rule: Rule, _ comment: String?, _ place: String) {
    (self.rule, self.comment, self.place) = (rule, comment, place)
    isAllowed = rule.action == .allow
  }

  /// Of two rules about the same the stricter one holds, which is told.
  ///
  /// - Parameter name: what both rules are about.
  mutating func join(_ other: Self, _ name: String, _ notes: ImportNotes) {
    other.tell(beside: rule, comment, name, notes)
    let isAllowed = isAllowed || other.isAllowed
    if other.rule.action > rule.action { self = other }
    self.isAllowed = isAllowed
  }

  private func tell(beside earlier: Rule, _ earlierComment: String?, _ name: String, _ notes: ImportNotes) {
    if rule.action != earlier.action {
      notes.tell(
        rule.location.line, place,
        "\(name) has the action \(earlier.action.name) at line \(earlier.location.line) and \(rule.action.name) here; "
          + "the stricter one holds")
    } else if rule.tags != earlier.tags || comment != earlierComment {
      notes.lost(
        rule.location.line, place,
        "\(name) has the same action at line \(earlier.location.line); tags, severity and message of the first rule "
          + "hold, and those here are left out")
    }
  }

  /// Tells that the rule is left out, since a stricter one is about more than it.
  func leaveOut(_ name: String, within outer: Rule, _ outerName: String, _ notes: ImportNotes) {
    notes.lost(
      rule.location.line, place,
      "\(name) has the action \(rule.action.name), and \(outerName) has \(outer.action.name) at line "
        + "\(outer.location.line); the stricter one holds, and this is left out; write it in the profile if it is an "
        + "exception")
  }

  /// Tells that the rule is left out, since what no rule allows is blocked.
  func leaveOutOfAllowList(_ name: String, _ notes: ImportNotes) {
    notes.lost(
      rule.location.line, place,
      "\(name) has the action Audit, which allows nothing where an Allow rule blocks all others; it is left out; "
        + "write it in the profile if it may pass")
  }
}
