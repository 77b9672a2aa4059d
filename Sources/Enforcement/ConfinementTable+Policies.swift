import BPF
import Policy

/// The end of policies. A program that has read a container's entry goes on with that entry's policy: were its rules
/// taken away meanwhile, the default would decide about what they deny.
extension ConfinementTable {
  /// Longer than any program in the kernel runs, though it is preempted.
  package static let policyGrace = Duration.seconds(5)

  /// The policies that no container has had for `policyGrace`, whichever process wrote them. None of them comes into
  /// use again: each text that is written gets a revision of its own.
  mutating func overduePolicies(now: ContinuousClock.Instant) throws(BackendError) -> Set<Revision> {
    let unused = try unused()
    unusedRevisions = Dictionary(uniqueKeysWithValues: unused.map { ($0, unusedRevisions[$0] ?? now) })
    return Set(unusedRevisions.filter { now - $0.value >= Self.policyGrace }.keys)
  }

  /// Takes the policy of a container whose cgroup is empty out of the kernel at once, unless a stray could be judged by
  /// it, or an earlier process wrote it: the whole tables are listed for those. What is left waits for its grace.
  func removePolicy(ofEnded entry: Entry) {
    // Asked first: the kernel's lists are long, and the runtime waits.
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
