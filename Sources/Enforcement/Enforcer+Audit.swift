import BPF
import Policy

/// Temporary audits: for a while the kernel's programs audit what profiles block. One audit is changed at a time. As
/// everywhere, the table's lock is held for one container's kernel calls at a time.
extension Enforcer {
  /// What is asked for.
  package struct Audit: Sendable {
    package var scope: AuditScope
    package var seconds: UInt32
    package var reason: String
    package var caller: AuditCaller
    /// The profiles whose containers must not have it. If one is among the containers, the audit is refused.
    package var except: Set<String>
    /// Whether there is a profile of the scope's name.
    package var profileIsKnown: Bool

    package init(
      scope: AuditScope, seconds: UInt32, reason: String, caller: AuditCaller, except: Set<String> = [],
      profileIsKnown: Bool = false
    ) {
      (self.scope, self.seconds, self.reason, self.caller) = (scope, seconds, reason, caller)
      (self.except, self.profileIsKnown) = (except, profileIsKnown)
    }
  }

  /// Begins a temporary audit, or gives that of the same scope another deadline. Containers that start later in the
  /// scope have it too. Seccomp filters do not change. After an error nothing has changed, unless the error says so.
  package func begin(
    _ asked: Audit, now: UInt64 = AuditDeadline.nowNanoseconds
  ) throws(AuditError) -> AuditInForce {
    guard let table else { throw .noKernel(claim.reason) }
    guard let deadline = AuditDeadline(after: asked.seconds, from: now) else { throw .upTooLong }
    var audit = TemporaryAudit(
      scope: asked.scope, deadline: deadline, seconds: asked.seconds, reason: asked.reason, caller: asked.caller)
    audit.except = asked.except
    return try auditTurn.withLock { [audit] _ throws(AuditError) in
      let former = try table.withLock { (table) throws(AuditError) in
        try table.insert(audit, isKnown: asked.profileIsKnown)
      }
      do throws(BackendError) {
        for id in table.withLock({ $0.ids(coveredBy: audit) }) { try writeDeadline(of: id, table) }
      } catch {
        table.withLock { $0.replace(audit, by: former) }
        throw .kernel(error.message, kept: settle([audit], table))
      }
      return table.withLock { $0.inForce(audit) }
    }
  }

  /// Ends the temporary audit of a scope before its deadline.
  ///
  /// - Returns: what has ended. A container of it can still have the audit of another scope.
  package func endAudit(_ scope: AuditScope) throws(AuditError) -> [AuditInForce] {
    guard let table else { throw .noKernel(claim.reason) }
    return try auditTurn.withLock { _ throws(AuditError) in
      let ended = try table.withLock { (table) throws(AuditError) in try table.takeAudits(of: scope) }
      let told = table.withLock { table in ended.map { table.inForce($0) } }
      let kept = settle(ended, table)
      if !kept.isEmpty { throw .kernel("the kernel does not take the entries of some containers", kept: kept) }
      return told
    }
  }

  /// Forgets the audits whose deadline has passed. The kernel's programs have ended them already.
  package func endOverdueAudits(now: UInt64 = AuditDeadline.nowNanoseconds) -> [AuditInForce] {
    guard let table else { return [] }
    return auditTurn.withLock { _ in
      let ended = table.withLock { $0.takeAudits(overAt: now) }
      let told = table.withLock { table in ended.map { table.inForce($0) } }
      // An entry that keeps its old deadline means the same.
      for audit in ended {
        for id in table.withLock({ $0.ids(coveredBy: audit) }) { try? writeDeadline(of: id, table) }
      }
      return told
    }
  }

  /// The audits in force, the oldest first.
  package var audits: [AuditInForce] {
    let now = AuditDeadline.nowNanoseconds
    return table?.withLock { table in
      table.audits.filter { !$0.deadline.isOver(at: now) }.map { table.inForce($0) }
    } ?? []
  }

  /// After audits are gone from the table: gives their containers the deadlines that are left.
  ///
  /// - Returns: the containers whose entries the kernel did not take. They keep the audit, and the table notes that.
  private func settle(_ gone: [TemporaryAudit], _ table: LockedTable) -> [String] {
    var kept: [String] = []
    for audit in gone {
      for id in table.withLock({ $0.ids(coveredBy: audit) }) {
        do { try writeDeadline(of: id, table) } catch {
          table.withLock { $0.keep(audit, of: id) }
          kept.append(id)
        }
      }
    }
    return kept
  }

  private func writeDeadline(of id: String, _ table: LockedTable) throws(BackendError) {
    try table.withLock { (table) throws(BackendError) in try table.writeDeadline(of: id) }
  }
}
