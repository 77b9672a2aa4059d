/// A part of a profile that is not enforced, or only partly.
package struct Gap: Equatable, Sendable, CustomStringConvertible {
  package enum Coverage: String, Sendable { case none, partial }

  /// `process.rules[2] Block /bin/su`
  package var subject: String
  /// nil: the part has no line of its own, for example a default.
  package var location: Location?
  package var coverage: Coverage
  package var why: String
  package var remedy: String

  package var description: String { text(place: location.map { " (\($0))" } ?? "") }

  /// - Parameter place: stands behind the subject.
  package func text(place: String = "") -> String {
    let verb = coverage == .none ? "cannot be enforced" : "can only partly be enforced"
    return "\(subject)\(place) \(verb): \(why); \(remedy)"
  }
}
