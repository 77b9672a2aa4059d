import BPF
import Policy

/// The policies that the kernel has, and those that its containers have. The lists are long, so they are made before
/// the table is locked, and then compared with the table.
struct ListedPolicies: Sendable {
  private let present: Set<Revision>
  private let used: Set<Revision>

  /// The policies are listed first. So a container that got one of them is among those listed, or in the table by the
  /// time that the table is asked.
  init(of kernel: any EnforcementBackend) throws(BackendError) {
    present = try kernel.revisions()
    used = Set(try kernel.containers().compactMap(\.revision))
  }

  /// The listed policies that neither a listed container nor the table has. What was written later is not listed.
  func unused(in table: borrowing ConfinementTable) -> Set<Revision> {
    present.subtracting(used).filter { !table.uses($0) }
  }
}

/// The end of policies. A program that has read a container's entry goes on with that entry's policy. If the policy's
/// rules were removed meanwhile, the default action would decide about what the rules deny.
extension ConfinementTable {
  /// Longer than any program in the kernel runs, even if it is preempted.
  package static let policyGrace = Duration.seconds(5)

  /// Whether a container has the policy, or the next container may get it.
  func uses(_ revision: Revision) -> Bool {
    policies.values.contains { $0.revision == revision } || entries.uses(revision)
  }

  /// The policies that no container has had for `policyGrace`, whichever process wrote them. None of them is ever used
  /// again, because each text that is written gets its own revision.
  mutating func overduePolicies(_ listed: ListedPolicies, now: ContinuousClock.Instant) -> Set<Revision> {
    let unused = listed.unused(in: self)
    unusedRevisions = Dictionary(uniqueKeysWithValues: unused.map { ($0, unusedRevisions[$0] ?? now) })
    return Set(unusedRevisions.filter { now - $0.value >= Self.policyGrace }.keys)
  }

  /// The policy of a container that has ended, unless it is still used. Only a policy that this process wrote counts.
  func policy(ofEnded entry: Entry) -> Revision? {
    guard entry.policy != nil, let revision = entry.revision, !uses(revision) else { return nil }
    return revision
  }
}
