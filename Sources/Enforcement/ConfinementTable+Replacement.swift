import BPF
import Policy

/// A changed profile: its new text is written beside the old one, its containers are pointed at that one by one, and
/// the old one goes with the last of them.
extension ConfinementTable {
  /// What there is to do for the newest text of a profile: policies to write, and then containers to point at them.
  func work(for profile: String) -> (keys: [PolicyKey], containers: [String]) {
    (policies.keys.filter { $0.profile == profile }, entries.filter { $0.value.policy?.profile == profile }.map(\.key))
  }

  mutating func writeNewest(_ key: PolicyKey) throws(BackendError) {
    // Its last container may have ended meanwhile.
    guard policies[key] != nil, let changed = unfinished[key.profile] else { return }
    _ = try install(key, changed)
  }

  /// Where the kernel did not take the newest text, the container keeps the old one, whole.
  mutating func pointAtNewest(_ containerID: String) throws(BackendError) {
    guard let entry = entries[containerID], let key = entry.policy, let newest = policies[key],
      newest.profile == unfinished[key.profile]?.profile, entry.revision != newest.revision
    else { return }
    try point(containerID, entry, at: newest)
  }

  /// No container of the profile has another text than the newest: a start may have brought an older one meanwhile.
  mutating func endReplacement(of profile: String) {
    let newest = unfinished[profile]?.profile
    let isDone = entries.values.allSatisfy { entry in
      guard let key = entry.policy, key.profile == profile else { return true }
      return policies[key]?.revision == entry.revision && policies[key]?.profile == newest
    }
    if isDone { unfinished[profile] = nil }
  }

  private mutating func point(_ id: String, _ entry: Entry, at newest: Installed) throws(BackendError) {
    // What the old one needs stays until the container no longer has it.
    try kernel.attachNetwork(entry.cgroup, needs: newest.needs)
    let isOpen = entry.phase == .open && !entry.isSuspended
    try kernel.put(
      ContainerEntry(
        cgroupID: entry.cgroup.id, revision: newest.revision, state: isOpen ? .open : .closed,
        rootDevice: entry.rootDevice, ranBefore: try kernel.container(entry.cgroup.id)?.ranBefore ?? false))
    entries[id]!.revision = newest.revision
    // What cannot be detached judges by the new text, which has no rules for it: it passes everything.
    try? kernel.trimNetwork(entry.cgroup, to: newest.needs)
  }
}
