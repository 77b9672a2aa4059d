import Policy
import System

/// A part of a profile, or an annotation of a pod, does nothing.
package struct IdleRecord: Equatable, Sendable {
  /// The time at which it was noticed.
  package var timeNanoseconds: Int64
  /// The container whose start showed it; without a container's name: the pod whose end showed it.
  package var subject: Subject
  /// nil: it is about annotations.
  package var profile: String?
  package var what: String

  package init(timeNanoseconds: Int64, subject: Subject, profile: String?, what: String) {
    (self.timeNanoseconds, self.subject, self.profile, self.what) = (timeNanoseconds, subject, profile, what)
  }

  /// The record of kind `idle`.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))), ("kind", "idle"),
    ]
    members += EventRecord.members(of: subject)
    if let profile { members.append(("profile", .string(profile))) }
    return .object(members + [("what", .string(what))])
  }
}
