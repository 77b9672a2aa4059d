import BPF
import Policy

/// Until the deadline, what the profiles of some containers block is audited. The deadline is in the kernel's entry of
/// each container, so the audit ends there, whether or not a Stockade runs.
package struct TemporaryAudit: Equatable, Sendable {
  /// How many there are at most.
  package static let countMax = 256

  package var scope: AuditScope
  package var deadline: AuditDeadline
  /// How long it was asked for; 0: not known.
  package var seconds: UInt32
  /// Empty: not known.
  package var reason: String
  /// nil: an earlier process began the audit.
  package var caller: AuditCaller?
  /// The profiles whose containers never have it.
  var except: Set<String> = []

  package init(
    scope: AuditScope, deadline: AuditDeadline, seconds: UInt32 = 0, reason: String = "", caller: AuditCaller? = nil
  ) {
    (self.scope, self.deadline, self.seconds) = (scope, deadline, seconds)
    (self.reason, self.caller) = (reason, caller)
  }

  /// Whether a container has it. If there are profiles that must not have it, a profile that is not known counts as one
  /// of them.
  func covers(_ subject: Subject, profile: String?) -> Bool {
    scope.covers(subject, profile: profile) && (except.isEmpty || profile.map { !except.contains($0) } == true)
  }

  func covers(_ entry: ConfinementTable.Entry) -> Bool { covers(entry.subject, profile: entry.policy?.profile) }

  /// The same audit of one container.
  func only(_ containerID: String) -> TemporaryAudit {
    var audit = self
    audit.scope = .container(containerID)
    audit.except = []
    return audit
  }
}

/// An audit, and the containers that have it.
package struct AuditInForce: Equatable, Sendable {
  package var audit: TemporaryAudit
  package var containers: [Subject]
}

/// Why a temporary audit does not begin, or does not end.
package enum AuditError: Error, Equatable, CustomStringConvertible, Sendable {
  case noKernel(String)
  case unknown(AuditScope)
  case unconfined(AuditScope)
  case closed(AuditScope)
  /// profile nil: nothing tells which profile the container has.
  case required(profile: String?, container: String?)
  case tooMany
  case upTooLong
  case notAudited(AuditScope, others: [AuditScope])
  /// kept: the containers that have the audit all the same, until its deadline.
  case kernel(String, kept: [String])

  package var description: String {
    switch self {
    case .noKernel(let why): "a temporary audit changes what BPF programs decide, and none run on this node: \(why)"
    case .unknown(.container(let id)): "no container \(id) runs here; write its whole id"
    case .unknown(let scope): "there is no \(scope) here"
    case .unconfined(let scope): "\(scope) has no profile, so there is nothing to audit"
    case .closed(let scope): "\(scope) is closed: nothing may execute in it, and no temporary audit changes that"
    case .required(let profile, let container):
      (profile.map { "profile \"\($0)\"" } ?? "the profile, which is not known,")
        + (container.map { " of container \($0)" } ?? "")
        + (profile == nil ? " may be that" : " is that")
        + " of a binding with `required: true`, so it is not softened; if it may be, set `breakGlass: true` in the "
        + "node's configuration and restart stockade"
    case .tooMany: "\(TemporaryAudit.countMax) temporary audits are in force; end one first"
    case .upTooLong:
      "the node has run for over \(AuditDeadline.secondsMax / 86400) days, and no later deadline can be written"
    case .notAudited(let scope, let others):
      "\(scope) has no temporary audit of its own"
        + (others.isEmpty
          ? "" : "; it has that of \(others.map(\.description).joined(separator: " and of ")): end this")
    case .kernel(let why, let kept):
      why
        + (kept.isEmpty
          ? "; nothing was changed" : "; still audited until the deadline: \(kept.joined(separator: ", "))")
    }
  }
}
