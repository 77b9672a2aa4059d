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
      do throws(BackendError) { try giveNewest(of: name, table, tell) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func giveNewest(
    of profile: String, _ table: LockedTable, _ tell: (Subject, Assessment) -> Void
  ) throws(BackendError) {
    var failure: BackendError?
    let node = capabilities
    for id in table.withLock({ $0.containers(of: profile) }) {
      do throws(BackendError) {
        let given = try table.withLock { (table) throws(BackendError) in try table.giveNewest(to: id, on: node) }
        if let given { tell(given.subject, given.assessment) }
      } catch { failure = error }
    }
    if let failure { throw failure }
    table.withLock { $0.endReplacement(of: profile) }
  }

  /// Takes policies out of the kernel that no container has had for a while. Whoever starts a container waits while the
  /// policies are listed, and not while their rules are removed.
  package func removeUnusedPolicies(now: ContinuousClock.Instant = .now) throws(BackendError) {
    guard let kernel, let table else { return }
    let overdue = try table.withLock { (table) throws(BackendError) in try table.overduePolicies(now: now) }
    if !overdue.isEmpty { try kernel.removePolicies(overdue) }
  }

  /// Names of the profiles that running containers use.
  package var profilesInUse: Set<String> { table?.withLock { Set($0.policies.keys.map(\.profile)) } ?? [] }
}
