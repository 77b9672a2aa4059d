import Policy
import System

/// Something that Stockade keeps in the kernel was not as it had left it.
package struct Tampering: Equatable, Sendable {
  /// The time at which it was noticed.
  package var timeNanoseconds: Int64
  /// The container whose thing it was; nil: it was the node's.
  package var subject: Subject?
  package var what: String
  /// Why it could not be put right; nil: it was put right.
  package var problem: String?

  package init(timeNanoseconds: Int64, subject: Subject?, what: String, problem: String?) {
    (self.timeNanoseconds, self.subject, self.what, self.problem) = (timeNanoseconds, subject, what, problem)
  }

  /// The record of kind `tampered`.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))), ("kind", "tampered"),
    ]
    if let subject { members += EventRecord.members(of: subject) }
    members += [("what", .string(what)), ("mended", problem == nil ? true : false)]
    if let problem { members.append(("problem", .string(problem))) }
    return .object(members)
  }

  /// One line for people.
  package var summary: String {
    "tampered with, \(problem.map { "and not mended (\($0))" } ?? "and mended"): \(what)"
  }
}
