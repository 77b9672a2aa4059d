import BPF
import Policy

/// Temporary audits. The deadline that a container's entry in the kernel has is the latest one of the audits that cover
/// the container.
extension ConfinementTable {
  /// Whether the container has a policy, and programs of it may run.
  private static func canHaveAudit(_ entry: Entry) -> Bool { entry.phase == .open && entry.revision != nil }

  func ids(coveredBy audit: TemporaryAudit) -> [String] {
    entries.filter { Self.canHaveAudit($0.value) && audit.covers($0.value) }.map(\.key).sorted()
  }

  func inForce(_ audit: TemporaryAudit) -> AuditInForce {
    AuditInForce(audit: audit, containers: ids(coveredBy: audit).compactMap { entries[$0]?.subject })
  }

  /// Adds an audit; containers that start from now on have it. Nothing is written to the kernel.
  ///
  /// - Parameter isKnown: whether there is a profile of the audit's name.
  /// - Returns: the audit of the same scope that it takes the place of.
  mutating func insert(_ audit: TemporaryAudit, isKnown: Bool) throws(AuditError) -> TemporaryAudit? {
    try check(audit, isKnown: isKnown)
    let former = audits.first { $0.scope == audit.scope }
    guard former != nil || audits.count < TemporaryAudit.countMax else { throw .tooMany }
    audits.removeAll { $0.scope == audit.scope }
    audits.append(audit)
    return former
  }

  private func check(_ audit: TemporaryAudit, isKnown: Bool) throws(AuditError) {
    let scope = audit.scope
    if case .profile(let name) = scope, audit.except.contains(name) { throw .required(profile: name, container: nil) }
    let found = entries.values.filter { scope.covers($0.subject, profile: $0.policy?.profile) }
    let confined = found.filter(Self.canHaveAudit).sorted { $0.subject.containerID < $1.subject.containerID }
    if let entry = confined.first(where: { !audit.covers($0) }) {
      throw .required(profile: entry.policy?.profile, container: entry.subject.text)
    }
    switch scope {
    case .container:
      guard let entry = found.first else { throw .unknown(scope) }
      if confined.isEmpty { throw entry.phase == .open ? .unconfined(scope) : .closed(scope) }
    case .pod, .podUID:
      // What is behind the pod's gate may be about to start.
      let isGated = gates.values.contains { scope.covers($0.subject, profile: nil) }
      if found.isEmpty, !isGated { throw .unknown(scope) }
    case .profile: if confined.isEmpty, !isKnown { throw .unknown(scope) }
    }
  }

  /// Puts an audit back in the place of another one of the same scope.
  mutating func replace(_ audit: TemporaryAudit, by former: TemporaryAudit?) {
    audits.removeAll { $0.scope == audit.scope }
    if let former { audits.append(former) }
  }

  /// The audits that end if the audit of a scope ends: also what an earlier process began of single containers in it.
  mutating func takeAudits(of scope: AuditScope) throws(AuditError) -> [TemporaryAudit] {
    let isEnded = { [entries] (audit: TemporaryAudit) in
      if audit.scope == scope { return true }
      guard audit.caller == nil, case .container(let id) = audit.scope, let entry = entries[id] else { return false }
      return scope.covers(entry.subject, profile: entry.policy?.profile)
    }
    let ended = audits.filter(isEnded)
    guard !ended.isEmpty else {
      var others: [AuditScope] = []
      if case .container(let id) = scope, let entry = entries[id] {
        others = audits.filter { $0.covers(entry) }.map(\.scope)
      }
      throw .notAudited(scope, others: others)
    }
    audits.removeAll(where: isEnded)
    return ended
  }

  mutating func takeAudits(overAt now: UInt64) -> [TemporaryAudit] {
    let ended = audits.filter { $0.deadline.isOver(at: now) }
    audits.removeAll { $0.deadline.isOver(at: now) }
    return ended
  }

  /// Notes that a container has an audit which could not be taken away.
  mutating func keep(_ audit: TemporaryAudit, of containerID: String) {
    let kept = audit.only(containerID)
    if let other = audits.first(where: { $0.scope == kept.scope }), other.deadline >= kept.deadline { return }
    replace(kept, by: kept)
  }

  /// Gives a container's entry in the kernel the deadline that it has to have now.
  func writeDeadline(of containerID: String) throws(BackendError) {
    guard let entry = entries[containerID], Self.canHaveAudit(entry), var row = try kernel.container(entry.cgroup.id)
    else { return }
    let wanted = deadline { $0.covers(entry) }
    if row.audit == wanted || row.revision == nil { return }
    row.audit = wanted
    try kernel.put(row)
  }

  private func deadline(of isCovered: (TemporaryAudit) -> Bool) -> AuditDeadline? {
    audits.filter(isCovered).map(\.deadline).max()
  }

  /// The deadline of a container that is about to be opened. What ran before keeps the one that an earlier process gave
  /// it.
  func deadline(for plan: StartPlan, _ cgroup: Cgroup) throws(BackendError) -> AuditDeadline? {
    let known = deadline { $0.covers(plan.subject, profile: plan.key.profile) }
    let former = plan.hasEntrypoint ? nil : try kernel.container(cgroup.id)?.audit
    return [known, former].compactMap { $0 }.max()
  }

  /// Takes the audits away from the containers of these profiles: since the audits began, the configuration may have
  /// come to require the profiles, or containers may have got one of them.
  mutating func endAudits(ofProfiles profiles: Set<String>) throws(BackendError) {
    if profiles.isEmpty || audits.isEmpty { return }
    for index in audits.indices { audits[index].except.formUnion(profiles) }
    for id in entries.keys { try writeDeadline(of: id) }
    // What an earlier process began is of single containers.
    audits = audits.filter { $0.caller != nil || !ids(coveredBy: $0).isEmpty }
  }

  /// Finds the audits that an earlier process began: of these only the deadline is known. Deadlines that are over are
  /// taken away, so that no program compares them any more.
  mutating func noteInheritedAudits(now: UInt64 = AuditDeadline.nowNanoseconds) throws(BackendError) {
    audits.removeAll { $0.caller == nil }
    for var row in try kernel.containers() {
      guard let deadline = row.audit else { continue }
      if deadline.isOver(at: now) {
        row.audit = nil
        try kernel.put(row)
      } else if let entry = entries.ids(of: row.cgroupID).first.flatMap({ entries[$0] }), row.state == .open,
        !audits.contains(where: { $0.covers(entry) && $0.deadline >= deadline })
      {
        audits.append(TemporaryAudit(scope: .container(entry.subject.containerID), deadline: deadline))
      }
    }
  }
}
