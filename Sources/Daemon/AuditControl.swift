import BPF
import Enforcement
import Events
import Glibc
import Logging
import Policy
import Synchronization
import System
import YAML

package struct AuditAnswer: Equatable, Sendable {
  package static let note =
    "seccomp does not change: what a filter denies stays denied. Gates and closed containers stay closed. What a "
    + "program gets meanwhile, such as an open file, it keeps"

  /// The containers that have the audit, or had it until now. Those that start later are not among them.
  package var containers: [Subject]
  /// The deadline by the wall clock; nil: the audit has ended.
  package var untilNanoseconds: Int64?
  /// What a temporary audit does not do.
  package var note = AuditAnswer.note
}

/// A temporary audit that does not begin or end.
package struct AuditRefusal: Error, Equatable, CustomStringConvertible, Sendable {
  package var description: String
}

/// Begins and ends temporary audits for whoever may ask for them, and tells what was done.
package struct AuditControl: Sendable {
  let enforcer: Enforcer
  let events: EventHub
  let log: Logger

  package init(enforcer: Enforcer, events: EventHub, log: Logger) {
    (self.enforcer, self.events, self.log) = (enforcer, events, log)
  }

  /// - Parameter settings: nil: there is no configuration that can be used.
  package func set(
    _ request: AuditRequest, by caller: AuditCaller, _ settings: Settings?
  ) throws(AuditRefusal) -> AuditAnswer {
    do {
      if let problem = request.problem { throw AuditRefusal(description: problem) }
      if request.seconds == 0 { return try end(request, caller) }
      // Without it, nothing says which profiles may not be softened.
      guard let settings else {
        throw AuditRefusal(description: "stockade has no configuration yet, or its configuration is broken")
      }
      return try begin(request, caller, settings)
    } catch {
      let refusal = AuditRefusal(description: "\(error)")
      tell(refusal, request, caller)
      throw refusal
    }
  }

  private func begin(
    _ request: AuditRequest, _ caller: AuditCaller, _ settings: Settings
  ) throws(AuditError) -> AuditAnswer {
    let configuration = settings.configuration
    var isKnown = false
    if case .profile(let name) = request.scope { isKnown = settings.profiles.exists(name) }
    let began = try enforcer.begin(
      Enforcer.Audit(
        scope: request.scope, seconds: request.seconds, reason: request.reason, caller: caller,
        except: configuration.profilesWithoutAudit, profileIsKnown: isKnown))
    let record = record(.began, began, by: caller)
    tell(record)
    return AuditAnswer(containers: began.containers, untilNanoseconds: record.untilNanoseconds)
  }

  private func end(_ request: AuditRequest, _ caller: AuditCaller) throws(AuditError) -> AuditAnswer {
    let ended = try enforcer.endAudit(request.scope)
    for audit in ended {
      var record = record(.ended, audit, by: caller)
      if !request.reason.isEmpty { record.reason = request.reason }
      tell(record)
    }
    return AuditAnswer(containers: ended.flatMap(\.containers))
  }

  /// Tells of the audits whose deadline has passed.
  package func tellOverdue(now: UInt64 = AuditDeadline.nowNanoseconds) {
    for ended in enforcer.endOverdueAudits(now: now) { tell(record(.ended, ended, by: nil)) }
  }

  private func tell(_ refusal: AuditRefusal, _ request: AuditRequest, _ caller: AuditCaller) {
    var record = AuditRecord(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), act: .refused, scope: request.cutScope)
    record.seconds = request.seconds
    record.reason = String(String.UnicodeScalarView(request.reason.unicodeScalars.prefix(AuditRequest.reasonMax)))
    record.problem = refusal.description
    record.caller = caller
    tell(record)
  }

  private func record(_ act: AuditRecord.Act, _ found: AuditInForce, by caller: AuditCaller?) -> AuditRecord {
    var record = AuditRecord(
      timeNanoseconds: Timestamp.now(CLOCK_REALTIME), act: act, scope: found.audit.scope)
    record.seconds = found.audit.seconds
    record.untilNanoseconds = found.audit.wallClockNanoseconds
    record.reason = found.audit.reason
    record.containers = found.containers
    record.caller = caller
    return record
  }

  private func tell(_ record: AuditRecord) {
    var metadata: Logger.Metadata = ["reason": "\(printable(record.reason))"]
    if let caller = record.caller {
      metadata["uid"] = "\(caller.uid)"
      metadata["pid"] = "\(caller.pid)"
      metadata["loginUID"] = "\(caller.loginUID.map(String.init) ?? "none")"
    }
    log.log(level: record.act == .ended ? .notice : .warning, "\(record.summary)", metadata: metadata)
    events.publish(.audit(record))
  }
}

extension TemporaryAudit {
  /// The deadline by the wall clock as it is set now.
  package var wallClockNanoseconds: Int64 {
    Int64(deadline.nanoseconds) + Timestamp.bootOffset
  }
}
