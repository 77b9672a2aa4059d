import Compilation
import Policy

/// Changed profiles, and policies that no container has any more.
extension Enforcer {
  /// Gives the running containers of a changed profile its new text. After an error some of them have the old one,
  /// until `replaceUnfinished` succeeds.
  package func replace(_ changed: CompiledProfile) throws(BackendError) {
    guard let table else { return }
    let name = changed.profile.name
    table.withLock { $0.unfinished[name] = changed }
    try giveNewest(of: name, table)
  }

  /// Tries again what `replace` could not do.
  package func replaceUnfinished() throws(BackendError) {
    guard let table else { return }
    var failure: BackendError?
    for name in table.withLock({ Array($0.unfinished.keys) }) {
      do throws(BackendError) { try giveNewest(of: name, table) } catch { failure = error }
    }
    if let failure { throw failure }
  }

  private func giveNewest(of profile: String, _ table: LockedTable) throws(BackendError) {
    var failure: BackendError?
    let work = table.withLock { $0.work(for: profile) }
    func attempt(_ step: (inout ConfinementTable) throws(BackendError) -> Void) {
      do throws(BackendError) {
        try table.withLock { (table) throws(BackendError) in try step(&table) }
      } catch { failure = error }
    }
    for key in work.keys { attempt { (table) throws(BackendError) in try table.writeNewest(key) } }
    for id in work.containers { attempt { (table) throws(BackendError) in try table.pointAtNewest(id) } }
    if let failure { throw failure }
    table.withLock { $0.endReplacement(of: profile) }
  }

  /// Takes policies out of the kernel that no container has had for a while. The kernel's lists are long: nobody waits.
  package func removeUnusedPolicies(now: ContinuousClock.Instant = .now) throws(BackendError) {
    guard let kernel, let table else { return }
    let overdue = try table.withLock { (table) throws(BackendError) in try table.overduePolicies(now: now) }
    if !overdue.isEmpty { try kernel.removePolicies(overdue) }
  }

  /// Names of the profiles that running containers use.
  package var profilesInUse: Set<String> { table?.withLock { Set($0.policies.keys.map(\.profile)) } ?? [] }
}
