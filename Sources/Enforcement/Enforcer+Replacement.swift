import BPF
import Compilation
import Policy

/// Changed profiles, and policies that no container has any more.
extension Enforcer {
  /// Gives the running containers of a changed profile its new text. After an error some of them still have the old
  /// text, until `replaceUnfinished` succeeds.
  ///
  /// - Parameter tell: called for each container that got the new text, with what is not enforced of it there. If that
  ///   is a refusal, the rest is in force all the same: a container that runs cannot be refused.
  package func replace(
    _ changed: CompiledProfile, tell: (Subject, Assessment) -> Void
  ) throws(BackendError) {
    guard let table else { return }
    let name = changed.profile.name
    table.withLock { $0.unfinished[name] = changed }
    try giveNewest(of: name, table, tell)
  }

  /// Tries again what `replace` could not do.
  package func replaceUnfinished(tell: (Subject, Assessment) -> Void) throws(BackendError) {
    guard let table else { return }
    var failure: BackendError?
    for name in table.withLock({ Array($0.unfinished.keys) }) {
      do { try giveNewest(of: name, table, tell) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func giveNewest(
    of profile: String, _ table: LockedTable, _ tell: (Subject, Assessment) -> Void
  ) throws(BackendError) {
    var failure: BackendError?
    let node = capabilities
    for id in table.withLock({ $0.containers(of: profile) }) {
      do {
        guard let awaited = table.withLock({ $0.awaited(by: id) }) else { continue }
        let (aliases, problem) = try aliases(awaited)
        let given = try table.withLock { (table) throws(BackendError) in
          try table.give(awaited.text, aliases, problem, to: id, on: node)
        }
        if let given { tell(given.subject, given.assessment) }
      } catch { failure = error }
    }
    if let failure { throw failure }
    table.withLock { $0.endReplacement(of: profile) }
  }

  /// A running container keeps the aliases that are its image's own, whatever it did to its links since.
  private func aliases(
    _ awaited: ConfinementTable.Awaited
  ) throws(BackendError) -> (aliases: RuleAliases, problem: String?) {
    let entry = awaited.entry
    do throws(EnforcementError) {
      let found = try links(
        of: awaited.text, inRunning: entry.cgroup, first: entry.facts.process?.pid, entry.rootDevice)
      guard let former = awaited.former, let known = entry.policy?.aliases else {
        return (found.aliases, found.problem)
      }
      // Where no root can be known again, nothing is lost if no link led anywhere before.
      let problem = known.isEmpty && entry.rootDevice == 0 ? nil : found.problem
      return (awaited.text.profile.aliases(found.aliases, keeping: known, of: former), problem)
    } catch { throw BackendError(message: "\(error)", reason: "\(error)") }
  }

  /// Takes policies out of the kernel that no container has had for a while. Whoever starts a container waits neither
  /// while the policies are listed nor while their rules are removed.
  package func removeUnusedPolicies(now: ContinuousClock.Instant = .now) throws(BackendError) {
    guard let kernel, let table else { return }
    let listed = try ListedPolicies(of: kernel)
    let overdue = table.withLock { $0.overduePolicies(listed, now: now) }
    if !overdue.isEmpty { try kernel.removePolicies(overdue) }
  }

  /// Takes the policy of a container whose cgroup is empty out of the kernel at once. If a stray could be judged by the
  /// policy, or the kernel's lists cannot be had, the policy waits for its grace.
  func removePolicy(ofEnded policy: Revision) {
    guard let kernel, let table, let listed = try? ListedPolicies(of: kernel),
      table.withLock({ listed.unused(in: $0).contains(policy) }), (try? kernel.hasStrays()) == false
    else { return }
    try? kernel.removePolicies([policy])
  }

  /// Names of the profiles that running containers use.
  package var profilesInUse: Set<String> { table?.withLock { Set($0.policies.keys.map(\.profile)) } ?? [] }
}
