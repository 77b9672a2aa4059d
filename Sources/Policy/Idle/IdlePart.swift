/// A part of a profile, of the node's configuration or of a pod's annotations that does nothing, or less than it seems
/// to say.
package struct IdlePart: Hashable, Sendable, CustomStringConvertible {
  package enum Severity: Sendable {
    /// The part does nothing, whatever a container does.
    case warning
    /// The part does nothing now. It acts as soon as somebody makes what it names.
    case note
  }

  /// `process.rules[2] Block /proc/self/exe`
  package var subject: String
  /// nil: the part has no line that is known.
  package var location: Location?
  /// What is the matter: `matches nothing`.
  package var claim: String
  package var why: String
  package var remedy: String
  package var severity = Severity.warning

  init(_ subject: String, at location: Location? = nil, _ claim: String, _ why: String, _ remedy: String) {
    (self.subject, self.location, self.claim, self.why, self.remedy) = (subject, location, claim, why, remedy)
  }

  static let matchesNothing = "matches nothing"
  static let doesNothing = "does nothing"

  /// Without the place.
  package var text: String { "\(subject) \(claim): \(why); \(remedy)" }

  package var description: String { location.map { "\($0): \(text)" } ?? text }

  /// - Parameter file: the place of a part without a line.
  package func problem(in file: String) -> Problem {
    Problem(location ?? Location(file: file, line: 1), text)
  }
}

extension Profile {
  /// What the text of the profile alone shows to do nothing. A rule that repeats what holds without it is not among
  /// it: such a rule says what its author means, and it holds.
  package var idleParts: [IdlePart] {
    (process?.idleParts ?? []) + (fileAccess?.idleParts ?? []) + (network.egress?.idleParts(.egress) ?? [])
      + (network.ingress?.idleParts(.ingress) ?? []) + network.idleBinds
  }
}

extension PathRule {
  /// The rule as messages name it.
  package func name(_ section: String, _ index: Int) -> String { "\(section).rules[\(index)] \(action.name) \(path)" }
}
