import BPF
import CStockade
import Policy

/// A changed profile: its new text is written beside the old one, its containers are pointed at that one by one, and
/// the old one goes with the last of them.
extension ConfinementTable {
  /// Gives every running container of a profile its new text. After an error some have the old one, whole; the same
  /// text can be tried again.
  mutating func replace(_ profile: Profile) throws(KernelError) {
    unfinished[profile.name] = profile
    var failure: KernelError?
    for key in policies.keys where key.profile == profile.name {
      do throws(KernelError) {
        let newest = try install(key, profile)
        for (id, entry) in entries where entry.policy == key && entry.revision != newest.revision {
          do throws(KernelError) { try point(id, entry, at: newest) } catch { failure = error }
        }
      } catch { failure = error }
    }
    if let failure { throw failure }
    unfinished[profile.name] = nil
  }

  private mutating func point(_ id: String, _ entry: Entry, at newest: Installed) throws(KernelError) {
    // What the old one needs stays until the container no longer has it.
    try kernel.attachNetwork(entry.cgroup, needs: newest.needs)
    let state = entry.phase == .open ? STOCKADE_OPEN : STOCKADE_CLOSED
    try kernel.put(row(entry.cgroup, revision: newest.revision, state: state, rootDevice: entry.rootDevice))
    entries[id]!.revision = newest.revision
    // What cannot be detached judges by the new text, which has no rules for it: it passes everything.
    try? kernel.trimNetwork(entry.cgroup, to: newest.needs)
  }
}
