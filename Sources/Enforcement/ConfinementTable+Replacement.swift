import BPF
import Policy

/// A changed profile: its new text is written beside the old one, its containers are pointed at that one by one, and
/// the old one goes with the last of them.
extension ConfinementTable {
  func containers(of profile: String) -> [String] {
    entries.filter { $0.value.policy?.profile == profile }.map(\.key)
  }

  /// Writes the newest text of a container's profile, as far as it can be enforced there, and points the container at
  /// it. Where the kernel does not take it, the container keeps the old one, whole.
  ///
  /// - Returns: what is not enforced of it; nil: the container has it already.
  mutating func giveNewest(
    to containerID: String, on node: NodeCapabilities
  ) throws(BackendError) -> (subject: Subject, assessment: Assessment)? {
    guard let entry = entries[containerID], let profile = entry.policy?.profile, let changed = unfinished[profile]
    else { return nil }
    let assessment = changed.profile.assess(node: node, container: entry.facts)
    let key = PolicyKey(profile: profile, omitted: assessment.omissions)
    defer { forgetUnusedPolicies() }
    let newest = try install(key, changed)
    if entry.revision == newest.revision { return nil }
    try point(containerID, entry, at: newest, key)
    return (entry.subject, assessment)
  }

  /// No container of the profile has another text than the newest: one may have started meanwhile.
  mutating func endReplacement(of profile: String) {
    let newest = unfinished[profile]?.profile
    let isDone = entries.values.allSatisfy { entry in
      guard let key = entry.policy, key.profile == profile else { return true }
      return policies[key]?.revision == entry.revision && policies[key]?.profile == newest
    }
    if isDone { unfinished[profile] = nil }
  }

  private mutating func point(_ id: String, _ entry: Entry, at newest: Installed, _ key: PolicyKey) throws(BackendError)
  {
    // What the old one needs stays until the container no longer has it.
    try kernel.attachNetwork(entry.cgroup, needs: newest.needs)
    let isOpen = entry.phase == .open && !entry.isSuspended
    try kernel.put(
      ContainerEntry(
        cgroupID: entry.cgroup.id, revision: newest.revision, state: isOpen ? .open : .closed,
        rootDevice: entry.rootDevice, ranBefore: try kernel.container(entry.cgroup.id)?.ranBefore ?? false))
    entries[id]!.policy = key
    entries[id]!.revision = newest.revision
    // What cannot be detached judges by the new text, which has no rules for it: it passes everything.
    try? kernel.trimNetwork(entry.cgroup, to: newest.needs)
  }
}
