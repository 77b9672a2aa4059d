import Policy
import System

/// A temporary audit began or ended, or was refused.
package struct AuditRecord: Equatable, Sendable {
  package enum Act: String, CaseIterable, Sendable { case began, ended, refused }

  /// How many containers one record names.
  package static let containersMax = 32

  package var timeNanoseconds: Int64
  package var act: Act
  package var scope: AuditScope
  /// How long it was asked for; 0: not known, or it was to end.
  package var seconds: UInt32 = 0
  /// The deadline by the wall clock. Of an audit that was ended early, the deadline that it had.
  package var untilNanoseconds: Int64?
  /// What the caller wrote; empty: not known.
  package var reason = ""
  /// Why it was refused.
  package var problem: String?
  /// Those that have it, or had it at its end.
  package var containers: [Subject] = []
  /// Who asked for this act; nil: the deadline passed.
  package var caller: AuditCaller?

  package init(timeNanoseconds: Int64, act: Act, scope: AuditScope) {
    (self.timeNanoseconds, self.act, self.scope) = (timeNanoseconds, act, scope)
  }

  /// The record of kind `audit`.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))), ("kind", "audit"),
      ("act", .string(act.rawValue)), ("scope", Self.json(scope)),
    ]
    if seconds > 0 { members.append(("seconds", .unsigned(UInt64(seconds)))) }
    if let untilNanoseconds {
      members.append(("until", .string(Timestamp.rfc3339(nanoseconds: untilNanoseconds))))
    }
    if !reason.isEmpty { members.append(("reason", .string(reason))) }
    if let problem { members.append(("problem", .string(problem))) }
    if act != .refused {
      let named = containers.prefix(Self.containersMax).map { JSON.object(EventRecord.members(of: $0)) }
      members.append(("containers", .array(named)))
      let more = containers.count - named.count
      if more > 0 { members.append(("moreContainers", .unsigned(UInt64(more)))) }
    }
    if let caller { members.append(("caller", Self.json(caller))) }
    return .object(members)
  }

  private static func json(_ scope: AuditScope) -> JSON {
    switch scope {
    case .container(let id): .object([("container", .string(id))])
    case .pod(let namespace, let name): .object([("namespace", .string(namespace)), ("pod", .string(name))])
    case .podUID(let uid): .object([("podUid", .string(uid))])
    case .profile(let name): .object([("profile", .string(name))])
    }
  }

  private static func json(_ caller: AuditCaller) -> JSON {
    var members: [(String, JSON)] = [
      ("uid", .unsigned(UInt64(caller.uid))), ("pid", .unsigned(UInt64(caller.pid))),
    ]
    if let login = caller.loginUID { members.append(("loginUid", .unsigned(UInt64(login)))) }
    return .object(members)
  }

  /// One line for people.
  package var summary: String {
    let what = JSON.string("\(scope)").text.dropFirst().dropLast()
    switch act {
    case .began:
      let until = untilNanoseconds.map { " until \(Timestamp.rfc3339(nanoseconds: $0))" } ?? ""
      return "a temporary audit of \(what) began, in \(count)\(until): \(reason)"
    case .ended:
      return "the temporary audit of \(what) ended" + (caller == nil ? "" : " before its deadline") + ", in \(count)"
    case .refused: return "a temporary audit of \(what) was refused: \(problem ?? "")"
    }
  }

  private var count: String { containers.count == 1 ? "1 container" : "\(containers.count) containers" }
}
