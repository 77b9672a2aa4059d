import BPF
import Compilation
import Policy

/// A changed profile. Stockade writes the new text beside the old one, and points the profile's containers at the new
/// text one by one. The old text goes with its last container.
extension ConfinementTable {
  func containers(of profile: String) -> [String] {
    entries.filter { $0.value.policy?.profile == profile }.map(\.key)
  }

  struct Awaited {
    var entry: Entry
    var text: CompiledProfile
    /// The text that the container has.
    var former: Profile?
  }

  /// A container that has an older text than the newest; nil: it has the newest text, or is gone.
  func awaited(by containerID: String) -> Awaited? {
    guard let entry = entries[containerID], let key = entry.policy, let text = unfinished[key.profile] else {
      return nil
    }
    let former = policies[key]
    if let former, former.revision == entry.revision, former.profile == text.profile { return nil }
    return Awaited(entry: entry, text: text, former: entry.text)
  }

  /// Writes the newest text of a container's profile, as far as it can be enforced there, and points the container at
  /// it. If the kernel does not take the newest text, the container keeps the old one, whole.
  ///
  /// - Parameters:
  ///   - text: the text that the container awaits, or awaited a moment ago.
  ///   - aliases: of its rules in this container.
  ///   - linksProblem: as in the facts of a container.
  /// - Returns: what of the text is not enforced; nil: the container already has the text, or awaits a newer one.
  mutating func give(
    _ text: CompiledProfile, _ aliases: RuleAliases, _ linksProblem: String?, to containerID: String,
    on node: NodeCapabilities
  ) throws(BackendError) -> (subject: Subject, assessment: Assessment)? {
    guard let awaited = awaited(by: containerID), awaited.text == text else { return nil }
    let entry = awaited.entry
    var facts = entry.facts
    facts.linksProblem = linksProblem
    if awaited.former?.asksSame(ofFilter: text.profile) == false { facts.filterMayBeOlder = true }
    var aliases = aliases
    do throws(BackendError) { try checkVariants(of: text.profile.name, with: aliases) } catch {
      facts.linksProblem = error.message
      aliases = RuleAliases()
    }
    let assessment = text.assess(node: node, container: facts)
    let form = form(of: text, for: entry)
    let key = PolicyKey(
      profile: text.profile.name, omitted: assessment.omissions, aliases: aliases, isRecorded: form.isRecorded)
    defer { forgetUnusedPolicies() }
    let installed = try install(key, form)
    if entry.revision == installed.revision { return nil }
    try point(containerID, entry, at: installed, key)
    entries[containerID]!.text = text.profile
    entries[containerID]!.facts = facts
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

  mutating func point(_ id: String, _ entry: Entry, at newest: Installed, _ key: PolicyKey) throws(BackendError) {
    // The programs that the old text needs stay until the container no longer has that text.
    try kernel.attachNetwork(entry.cgroup, needs: newest.needs)
    let isOpen = entry.phase == .open && !entry.isSuspended
    let row = try kernel.container(entry.cgroup.id)
    try kernel.put(
      ContainerEntry(
        cgroupID: entry.cgroup.id, revision: newest.revision, state: isOpen ? .open : .closed,
        rootDevice: entry.rootDevice, ranBefore: row?.ranBefore ?? false, hasVolumes: entry.hasVolumes,
        audit: row?.audit))
    entries[id]!.policy = key
    entries[id]!.revision = newest.revision
    // A program that cannot be detached judges by the new text. That text has no rules for it, so it passes everything.
    try? kernel.trimNetwork(entry.cgroup, to: newest.needs)
  }
}
