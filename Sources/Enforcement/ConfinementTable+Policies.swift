import BPF
import Policy

/// The end of policies. A program that has read a container's entry goes on with that entry's policy. If the policy's
/// rules were removed meanwhile, the default action would decide about what the rules deny.
extension ConfinementTable {
  /// Longer than any program in the kernel runs, even if it is preempted.
  package static let policyGrace = Duration.seconds(5)

  /// The policies that no container has had for `policyGrace`, whichever process wrote them. None of them is ever used
  /// again, because each text that is written gets its own revision.
  mutating func overduePolicies(now: ContinuousClock.Instant) throws(BackendError) -> Set<Revision> {
    let unused = try unused()
    unusedRevisions = Dictionary(uniqueKeysWithValues: unused.map { ($0, unusedRevisions[$0] ?? now) })
    return Set(unusedRevisions.filter { now - $0.value >= Self.policyGrace }.keys)
  }

  /// Takes the policy of a container whose cgroup is empty out of the kernel at once. There are two exceptions: a stray
  /// could be judged by the policy, or an earlier process wrote it. For those the whole tables must be listed. What is
  /// left waits for its grace.
  func removePolicy(ofEnded entry: Entry) {
    // These questions come first: the kernel's lists are long, and the runtime waits.
    guard entry.policy != nil, let revision = entry.revision,
      !entries.values.contains(where: { $0.revision == revision }),
      let unused = try? unused(), unused.contains(revision), (try? kernel.hasStrays()) == false
    else { return }
    try? kernel.removePolicies([revision])
  }

  private func unused() throws(BackendError) -> Set<Revision> {
    let used = Set(try kernel.containers().compactMap(\.revision)).union(policies.values.map(\.revision))
    return try kernel.revisions().subtracting(used)
  }
}
