/// What a profile says of one exec or one connection, and why. The BPF programs must say the same.
package struct Decision: Equatable, Sendable {
  package enum Reason: String, CaseIterable, Sendable {
    /// The profile has no such section.
    case noSection
    case rule
    case defaultAction
    /// `allowEntrypoint` in place of `defaultAction`.
    case entrypoint
    case newExecutables
    case fileless
    case overLongPath
    /// The rule's argument number `argument` matched.
    case argument
    case overLongArguments
  }

  package var action: Action
  package var reason: Reason
  /// Index into the section's rules: the rule that decided, or the rule that would have decided without newExecutables.
  package var rule: Int?
  /// Index into that rule's arguments.
  package var argument: Int?

  package init(_ action: Action, _ reason: Reason, rule: Int? = nil, argument: Int? = nil) {
    self.action = action
    self.reason = reason
    self.rule = rule
    self.argument = argument
  }
}
