import BPF
import Policy

/// A changed profile. Stockade writes the new text beside the old one, and points the profile's containers at the new
/// text one by one. The old text goes with its last container.
extension ConfinementTable {
  func containers(of profile: String) -> [String] {
    entries.filter { $0.value.policy?.profile == profile }.map(\.key)
  }

  /// Writes the newest text of a container's profile, as far as it can be enforced there, and points the container at
  /// it. If the kernel does not take the newest text, the container keeps the old one, whole.
  ///
  /// - Returns: what of the text is not enforced; nil: the container already has the text.
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

  /// Ends the replacement if no container of the profile has another text than the newest. A container may have started
  /// meanwhile.
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
    // The programs that the old text needs stay until the container no longer has that text.
    try kernel.attachNetwork(entry.cgroup, needs: newest.needs)
    let isOpen = entry.phase == .open && !entry.isSuspended
    try kernel.put(
      ContainerEntry(
        cgroupID: entry.cgroup.id, revision: newest.revision, state: isOpen ? .open : .closed,
        rootDevice: entry.rootDevice, ranBefore: try kernel.container(entry.cgroup.id)?.ranBefore ?? false))
    entries[id]!.policy = key
    entries[id]!.revision = newest.revision
    // A program that cannot be detached judges by the new text. That text has no rules for it, so it passes everything.
    try? kernel.trimNetwork(entry.cgroup, to: newest.needs)
  }
}
