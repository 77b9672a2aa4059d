import BPF
import Compilation
import Policy
import System

/// Which containers are confined, by which policy, and in what phase: the one place that changes the kernel's maps.
///
/// A container is `open` from the end of `open` until `release` finds its cgroup empty. It is `closing` if its start
/// was refused, or if processes remain after the runtime said that it ended. Not thread-safe: `Enforcer` holds the
/// lock.
package struct ConfinementTable: Sendable {
  package enum Phase: String, Sendable { case open, closing }

  package struct Entry: Sendable {
    package var subject: Subject
    package var cgroup: Cgroup
    package var phase: Phase
    /// nil: the container was let through its pod's gate without a policy.
    package var policy: PolicyKey?
    package var revision: Revision?
    /// The text of the container's profile that the policy was made of.
    var text: Profile?
    package var rootDevice: UInt32
    /// Whether the kernel knows the container's mounts.
    var hasVolumes = false
    /// Another text of the container's profile is judged by these facts.
    var facts = ContainerFacts()
    /// The container is closed until its network programs can be attached again.
    var isSuspended = false
  }

  /// The containers of a profile share a policy in the kernel if they go without the same rules, and if their roots
  /// lead the profile's rules to the same paths.
  package struct PolicyKey: Hashable, Sendable {
    package var profile: String
    package var omitted: Set<Assessment.Omission>
    package var aliases = RuleAliases()
    /// The policy audits what the profile allows.
    package var isRecorded = false
  }

  struct Installed: Sendable {
    var profile: Profile
    var revision: Revision
    var needs: NetworkNeeds
  }

  /// How many policies with aliases the containers of one profile have at most.
  package static let variantsMaximum = 64

  let kernel: any EnforcementBackend
  package internal(set) var entries = EntryTable()
  /// The newest text of each policy. Containers may still have an older text.
  var policies: [PolicyKey: Installed] = [:]
  /// Profiles, by name, whose newest text some container does not have.
  var unfinished: [String: CompiledProfile] = [:]
  /// Revisions in the kernel that no container has any more, and the time since when Stockade knows that.
  var unusedRevisions: [Revision: ContinuousClock.Instant] = [:]
  /// By the id of the pod's cgroup.
  var gates: [CgroupID: Gate] = [:]
  var podOfSandbox: [String: CgroupID] = [:]
  /// Cgroups of sandboxes in which the last looks found no process, and how many looks that were. The key is the id of
  /// the pod's cgroup.
  var unusedClaims: [CgroupID: (cgroup: CgroupID, looks: Int)] = [:]
  /// Of a scope there is one at most.
  var audits: [TemporaryAudit] = []
  /// The index also knows the containers, gates and policies of this table, and needs no lock of the table.
  let subjects: SubjectIndex

  init(kernel: any EnforcementBackend, subjects: SubjectIndex) { (self.kernel, self.subjects) = (kernel, subjects) }

  mutating func insert(_ entry: Entry) {
    let id = entry.subject.containerID
    if let former = entries[id], former.cgroup.id != entry.cgroup.id { subjects.end(id, former.cgroup.id) }
    subjects.insert(entry.subject, profile: entry.policy?.profile, entry.cgroup.id)
    entries[id] = entry
  }

  mutating func remove(_ containerID: String) {
    guard let entry = entries[containerID] else { return }
    entries[containerID] = nil
    subjects.remove(containerID, entry.cgroup.id)
  }

  /// After a start that failed: the index says again what the table says. If the table has no entry of the container,
  /// the container has ended.
  private func reindex(_ subject: Subject, _ cgroup: Cgroup) {
    if let entry = entries[subject.containerID], entry.cgroup.id == cgroup.id {
      subjects.insert(entry.subject, profile: entry.policy?.profile, cgroup.id)
    } else {
      subjects.end(subject.containerID, cgroup.id)
    }
  }

  /// The cgroup's entry, if this process or an earlier one has confined it.
  func confined(_ cgroup: Cgroup) throws(EnforcementError) -> ContainerEntry? {
    do { return try kernel.container(cgroup.id).flatMap { $0.revision == nil ? nil : $0 } } catch {
      throw .kernel(error)
    }
  }

  /// Confines a container by its plan. If the network rules fail and the profile lets that pass, the container is
  /// confined without them.
  ///
  /// - Returns: what is in force.
  mutating func open(_ plan: StartPlan, _ cgroup: Cgroup) throws(EnforcementError) -> Assessment {
    try checkOwner(plan.subject, of: cgroup)
    var plan = plan
    do throws(BackendError) { try checkVariants(of: plan.key.profile, with: plan.aliases) } catch {
      plan = plan.failing(links: error)
      if let refusal = plan.assessment.refusal { throw .refused(refusal) }
    }
    do {
      return try write(plan, cgroup)
    } catch {
      let without = plan.failing(network: error)
      guard kernel.networkProblem == nil, without.assessment.refusal == nil,
        without.assessment.omissions.contains(.networkRules)
      else { throw .kernel(error) }
      do {
        // The programs that were attached would drop everything.
        try kernel.detachNetwork(cgroup.id)
        return try write(without, cgroup)
      } catch { throw .kernel(error) }
    }
  }

  /// Called when all tasks of open containers are marked. A task without a mark came later.
  func endAdoptions() throws(BackendError) {
    for var row in try kernel.containers()
    where row.ranBefore && row.state == .open {
      row.ranBefore = false
      try kernel.put(row)
    }
  }

  /// Lets a container through its pod's gate without a policy of ours.
  mutating func admit(_ subject: Subject, cgroup: Cgroup) throws(EnforcementError) {
    try checkOwner(subject, of: cgroup)
    subjects.insert(subject, profile: nil, cgroup.id)
    do {
      // Programs of a failed activation, or of an earlier process, would find no policy, and refuse everything.
      try kernel.detachNetwork(cgroup.id)
      try kernel.put(ContainerEntry(cgroupID: cgroup.id, revision: nil, state: .open))
    } catch {
      reindex(subject, cgroup)
      throw .kernel(error)
    }
    insert(Entry(subject: subject, cgroup: cgroup, phase: .open, policy: nil, revision: nil, rootDevice: 0))
    forgetUnusedPolicies()
  }

  private mutating func write(_ plan: StartPlan, _ cgroup: Cgroup) throws(BackendError) -> Assessment {
    let process = plan.process
    let key = plan.key
    subjects.insert(plan.subject, profile: key.profile, cgroup.id)
    do throws(BackendError) {
      let policy = try install(key, plan.compiled)
      if plan.hasEntrypoint {
        try kernel.setEntrypoint(cgroup.id, ProcessIdentity(pid: process.pid, startTicks: process.startTicks))
      }
      if let volumes = plan.volumes { try kernel.setVolumes(cgroup.id, volumes.volumes) }
      try kernel.attachNetwork(cgroup, needs: policy.needs)
      guard cgroup.isCurrent else { throw BackendError(message: "cgroup \(cgroup.directory) was replaced", reason: "") }
      if plan.compiled.isRecorded { try kernel.beginRecording(cgroup.id, plan.compiled.recording) }
      // This is the last write: until here nothing in the container may run.
      try kernel.put(
        ContainerEntry(
          cgroupID: cgroup.id, revision: policy.revision, state: .open, rootDevice: process.rootDevice,
          ranBefore: !plan.hasEntrypoint, hasVolumes: plan.hasVolumes, audit: try deadline(for: plan, cgroup)))
      insert(
        Entry(
          subject: plan.subject, cgroup: cgroup, phase: .open, policy: key, revision: policy.revision,
          text: plan.compiled.profile, rootDevice: process.rootDevice, hasVolumes: plan.hasVolumes,
          facts: plan.factsOfRunning))
      // The text that the other containers may still get must not be older than this one.
      if unfinished[key.profile] != nil { unfinished[key.profile] = plan.compiled }
      return plan.assessment
    } catch {
      reindex(plan.subject, cgroup)
      forgetUnusedPolicies()
      throw error
    }
  }

  /// The policy of a key in the kernel. Writes it first if it is missing or has another text. `give` gives that
  /// text to the other containers of the profile.
  mutating func install(_ key: PolicyKey, _ compiled: CompiledProfile) throws(BackendError) -> Installed {
    if let present = policies[key], present.profile == compiled.profile { return present }
    let installed = try write(key, compiled)
    if let former = policies.updateValue(installed, forKey: key) { subjects.retire(former.revision) }
    return installed
  }

  /// Each image can have other links. What a node's images make of a profile may not fill the kernel's maps.
  func checkVariants(of profile: String, with aliases: RuleAliases) throws(BackendError) {
    if aliases.isEmpty { return }
    let variants = Set(policies.keys.filter { $0.profile == profile && !$0.aliases.isEmpty }.map(\.aliases))
    if variants.contains(aliases) || variants.count < Self.variantsMaximum { return }
    throw BackendError(
      message: "profile \(profile) is in force in \(variants.count) variants, which is the limit: the links of "
        + "as many images lead its rules to other paths each; name the paths that the links lead to, or use a profile "
        + "for fewer images",
      reason: "too many variants")
  }

  private mutating func write(_ key: PolicyKey, _ compiled: CompiledProfile) throws(BackendError) -> Installed {
    let policy = compiled.following(key.aliases).policy.reduced(
      to: key.omitted.contains(.processRules) ? .none : kernel.tier,
      hasNetwork: kernel.networkProblem == nil && !key.omitted.contains(.networkRules),
      withoutNewExecutables: key.omitted.contains(.newExecutables))
    let revision = Revision.random()
    try kernel.install(policy, revision: revision)
    subjects.insert(compiled.profile, revision)
    return Installed(profile: compiled.profile, revision: revision, needs: NetworkNeeds(policy))
  }

  /// Forbids every exec in a cgroup until it is empty, unless the cgroup is known to be another container's.
  ///
  /// - Returns: why that failed; nil: execs are forbidden, or the cgroup is another container's.
  mutating func close(_ subject: Subject, cgroup: Cgroup) -> BackendError? {
    guard other(in: cgroup, than: subject) == nil, gates[cgroup.id] == nil else { return nil }
    var entry =
      entries[subject.containerID]
      ?? Entry(subject: subject, cgroup: cgroup, phase: .closing, policy: nil, revision: nil, rootDevice: 0)
    entry.phase = .closing
    entry.cgroup = cgroup
    insert(entry)
    do {
      try kernel.put(
        ContainerEntry(
          cgroupID: cgroup.id, revision: entry.revision, state: .closed, rootDevice: entry.rootDevice,
          hasVolumes: entry.hasVolumes))
      return nil
    } catch { return error }
  }

  /// The id of another container that has the cgroup. An inherited entry does not count: it may be this very
  /// container's.
  func other(in cgroup: Cgroup, than subject: Subject) -> String? {
    entries.ids(of: cgroup.id).first { $0 != subject.containerID && $0 != Self.inherited(cgroup) }
  }

  private func checkOwner(_ subject: Subject, of cgroup: Cgroup) throws(EnforcementError) {
    if let other = other(in: cgroup, than: subject) {
      throw .anothersCgroup(path: cgroup.directory, containerID: other)
    }
  }

  /// Detaches a container whose cgroup is empty; closes it while processes remain. Idempotent.
  ///
  /// - Returns: whether nothing of it is left, and its policy if that may go as well.
  mutating func release(_ containerID: String) throws(ReleaseError) -> (isGone: Bool, policy: Revision?) {
    guard let entry = entries[containerID] else { return (true, nil) }
    let isEmpty: Bool
    do { isEmpty = try entry.cgroup.isEmpty() } catch {
      throw ReleaseError(directory: entry.cgroup.directory, reason: error.reason)
    }
    do {
      guard isEmpty else {
        try closeRemaining(containerID, entry)
        return (false, nil)
      }
      try kernel.detachNetwork(entry.cgroup.id)
      try kernel.remove(entry.cgroup.id)
    } catch { throw ReleaseError(directory: entry.cgroup.directory, reason: error.reason) }
    subjects.end(containerID, entry.cgroup.id)
    entries[containerID] = nil
    forgetUnusedPolicies()
    return (true, policy(ofEnded: entry))
  }

  private mutating func closeRemaining(_ containerID: String, _ entry: Entry) throws(BackendError) {
    guard entry.phase == .open else { return }
    try kernel.put(
      ContainerEntry(
        cgroupID: entry.cgroup.id, revision: entry.revision, state: .closed, rootDevice: entry.rootDevice,
        hasVolumes: entry.hasVolumes))
    entries[containerID]!.phase = .closing
  }

  /// Forgets policies that no container has; `removeUnusedPolicies` takes them out of the kernel later. The next
  /// container of such a profile gets a new one.
  mutating func forgetUnusedPolicies() {
    for (key, policy) in policies where !entries.uses(key) {
      policies[key] = nil
      subjects.retire(policy.revision)
    }
  }
}

/// A container that could not be detached. The words are those that operators look for in the log.
package struct ReleaseError: Error, CustomStringConvertible, Sendable {
  package var directory: String
  package var reason: String
  package var description: String { "failed to detach bpf prog from \(directory): \(reason)" }
}
