import Policy

/// The end of policies. A program that has read a container's entry goes on with that entry's policy: were its rules
/// taken away meanwhile, the default would decide about what they deny.
extension ConfinementTable {
  /// Longer than any program in the kernel runs, though it is preempted.
  package static let policyGrace = Duration.seconds(5)

  /// Takes out of the kernel the policies that no container has had for `policyGrace`, whichever process wrote them.
  mutating func removeUnusedPolicies(now: ContinuousClock.Instant) throws(KernelError) {
    let unused = try unused()
    unusedRevisions = Dictionary(uniqueKeysWithValues: unused.map { ($0, unusedRevisions[$0] ?? now) })
    for (revision, since) in unusedRevisions where now - since >= Self.policyGrace {
      try kernel.removePolicy(revision)
      unusedRevisions[revision] = nil
    }
  }

  /// The same at once for the policy of a container whose cgroup is empty, unless a stray could be judged by it. On
  /// failure `removeUnusedPolicies` tries again.
  func removePolicy(ofEnded entry: Entry) {
    // Asked first: the kernel's lists are long, and the runtime waits.
    if entries.values.contains(where: { $0.revision == entry.revision }) { return }
    guard let unused = try? unused(), unused.contains(entry.revision), (try? kernel.hasStrays()) == false else {
      return
    }
    try? kernel.removePolicy(entry.revision)
  }

  private func unused() throws(KernelError) -> Set<UInt64> {
    let used = Set(try kernel.containers().map(\.revision)).union(policies.values.map(\.revision))
    return try kernel.revisions().subtracting(used)
  }
}
