import BPF
import Compilation
import Policy
import System

/// Which containers are confined, by which policy, and in what phase: the one place that changes the kernel's maps.
///
/// A container is `open` from the end of `activate` until `release` finds its cgroup empty; `closing` where its start
/// was refused or processes remain after the runtime said it ended. Not thread-safe: `Enforcer` holds the lock.
package struct ConfinementTable: Sendable {
  package enum Phase: String, Sendable { case open, closing }

  package struct Entry: Sendable {
    package var subject: Subject
    package var cgroup: Cgroup
    package var phase: Phase
    /// nil: let through a pod's gate without a policy.
    package var policy: PolicyKey?
    package var revision: Revision?
    package var rootDevice: UInt32
    /// It is closed until its network programs can be attached again.
    var isSuspended = false
  }

  /// What a container goes without where the profile's failurePolicy is Ignore.
  package enum Omission: Sendable {
    /// Its root cannot tell new files.
    case newExecutables
    /// Its processes cannot be told from the runtime's.
    case processRules
    /// Programs cannot be attached to its cgroup.
    case networkRules
  }

  /// Policies in the kernel are shared by the containers of a profile that go without the same.
  package struct PolicyKey: Hashable, Sendable {
    package var profile: String
    package var omitted: Set<Omission>
  }

  struct Installed: Sendable {
    var profile: Profile
    var revision: Revision
    var needs: NetworkNeeds
  }

  let kernel: any EnforcementBackend
  package internal(set) var entries: [String: Entry] = [:]
  /// The newest text of each; containers may still have an older one.
  var policies: [PolicyKey: Installed] = [:]
  /// By name: profiles whose newest text some container does not have.
  var unfinished: [String: Profile] = [:]
  /// Revisions in the kernel that no container has any more, and since when that is known.
  var unusedRevisions: [Revision: ContinuousClock.Instant] = [:]
  /// By the id of the pod's cgroup.
  var gates: [CgroupID: Gate] = [:]
  var podOfSandbox: [String: CgroupID] = [:]
  /// Cgroups of sandboxes in which no process was at the last looks, and how many looks that were, by the id of the
  /// pod's cgroup.
  var unusedClaims: [CgroupID: (cgroup: CgroupID, looks: Int)] = [:]
  /// Says the same of containers, gates and policies as this table, without its lock.
  let subjects: SubjectIndex

  init(kernel: any EnforcementBackend, subjects: SubjectIndex) { (self.kernel, self.subjects) = (kernel, subjects) }

  mutating func insert(_ entry: Entry) {
    let id = entry.subject.containerID
    if let former = entries[id], former.cgroup.id != entry.cgroup.id { subjects.end(id, former.cgroup.id) }
    subjects.insert(entry.subject, profile: entry.policy?.profile, entry.cgroup.id)
    entries[id] = entry
  }

  mutating func remove(_ containerID: String) {
    guard let entry = entries.removeValue(forKey: containerID) else { return }
    subjects.remove(containerID, entry.cgroup.id)
  }

  /// After a start that failed. The index says again what the table says of the container; without an entry in the
  /// table the container has ended.
  private func reindex(_ subject: Subject, _ cgroup: Cgroup) {
    if let entry = entries[subject.containerID], entry.cgroup.id == cgroup.id {
      subjects.insert(entry.subject, profile: entry.policy?.profile, cgroup.id)
    } else {
      subjects.end(subject.containerID, cgroup.id)
    }
  }

  /// Confines a container whose first process is parked before its exec; where the profile lets that pass, without its
  /// network rules if they are what fails.
  ///
  /// - Returns: what is not in force for other reasons than those of `omitting`.
  mutating func activate(
    _ subject: Subject, profile: Profile, cgroup: Cgroup, process: ProcessView, omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    try open(subject, profile, cgroup, process, entrypoint: true, omitting: omitted)
  }

  /// Confines a container that runs already; all but its entrypoint's exception.
  mutating func adopt(
    _ subject: Subject, profile: Profile, cgroup: Cgroup, process: ProcessView, omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    try open(subject, profile, cgroup, process, entrypoint: false, omitting: omitted)
  }

  /// Whether an earlier process, or this one, had it confined.
  func wasConfined(_ cgroup: Cgroup) throws(EnforcementError) -> Bool {
    do throws(BackendError) { return try kernel.container(cgroup.id).map { $0.revision != nil } ?? false } catch {
      throw .kernel(error.message)
    }
  }

  private mutating func open(
    _ subject: Subject, _ profile: Profile, _ cgroup: Cgroup, _ process: ProcessView, entrypoint: Bool,
    omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    do throws(EnforcementError) {
      return try open(
        subject, profile: profile, cgroup: cgroup, process: process, entrypoint: entrypoint, omitting: omitted)
    } catch {
      let lost = kernel.networkProblem == nil ? profile.lostNetworkRules(because: error.description) : []
      guard profile.failurePolicy == .ignore, !lost.isEmpty else { throw error }
      // Those that could be attached would drop everything.
      do throws(BackendError) { try kernel.detachNetwork(cgroup.id) } catch { throw .kernel(error.message) }
      return try open(
        subject, profile: profile, cgroup: cgroup, process: process, entrypoint: entrypoint,
        omitting: omitted.union([.networkRules])) + lost
    }
  }

  /// All tasks of open containers are marked: what has no mark now came later.
  func endAdoptions() throws(BackendError) {
    for var row in try kernel.containers()
    where row.ranBefore && row.state == .open {
      row.ranBefore = false
      try kernel.put(row)
    }
  }

  /// Lets a container through its pod's gate with no policy of ours.
  mutating func admit(_ subject: Subject, cgroup: Cgroup) throws(EnforcementError) {
    subjects.insert(subject, profile: nil, cgroup.id)
    do throws(BackendError) {
      // Programs of a failed activation, or of an earlier process, would find no policy, and refuse everything.
      try kernel.detachNetwork(cgroup.id)
      try kernel.put(ContainerEntry(cgroupID: cgroup.id, revision: nil, state: .open))
    } catch {
      reindex(subject, cgroup)
      throw .kernel(error.message)
    }
    insert(Entry(subject: subject, cgroup: cgroup, phase: .open, policy: nil, revision: nil, rootDevice: 0))
    forgetUnusedPolicies()
  }

  private mutating func open(
    _ subject: Subject, profile: Profile, cgroup: Cgroup, process: ProcessView, entrypoint: Bool,
    omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    let gaps = process.rootIsOverlay || omitted.contains(.processRules) ? [] : profile.gapsWithoutOverlayRoot()
    guard profile.refused(gaps).isEmpty else { throw .unenforceable(gaps) }
    let key = PolicyKey(profile: profile.name, omitted: gaps.isEmpty ? omitted : omitted.union([.newExecutables]))
    subjects.insert(subject, profile: key.profile, cgroup.id)
    do throws(BackendError) {
      let policy = try install(key, profile)
      if entrypoint {
        try kernel.setEntrypoint(cgroup.id, ProcessIdentity(pid: process.pid, startTicks: process.startTicks))
      }
      try kernel.attachNetwork(cgroup, needs: policy.needs)
      guard cgroup.isCurrent else { throw BackendError(message: "cgroup \(cgroup.directory) was replaced", reason: "") }
      // The last write: until here nothing in it may run.
      try kernel.put(
        ContainerEntry(
          cgroupID: cgroup.id, revision: policy.revision, state: .open, rootDevice: process.rootDevice,
          ranBefore: !entrypoint))
      insert(
        Entry(
          subject: subject, cgroup: cgroup, phase: .open, policy: key, revision: policy.revision,
          rootDevice: process.rootDevice))
      return gaps
    } catch {
      reindex(subject, cgroup)
      forgetUnusedPolicies()
      throw .kernel(error.message)
    }
  }

  /// The installed policy of a key; installs it, or its newer text, first. Others get that by `replace`.
  mutating func install(_ key: PolicyKey, _ profile: Profile) throws(BackendError) -> Installed {
    if let present = policies[key], present.profile == profile { return present }
    let installed = try write(key, profile)
    if let former = policies.updateValue(installed, forKey: key) { subjects.retire(former.revision) }
    return installed
  }

  private mutating func write(_ key: PolicyKey, _ profile: Profile) throws(BackendError) -> Installed {
    let compiled = try compile(profile, key: key)
    let revision = Revision.random()
    try kernel.install(compiled, revision: revision)
    subjects.insert(profile, revision)
    return Installed(profile: profile, revision: revision, needs: NetworkNeeds(compiled))
  }

  private func compile(_ profile: Profile, key: PolicyKey) throws(BackendError) -> CompiledPolicy {
    do throws(CompilationError) {
      return try PolicyCompiler.compile(profile).reduced(
        to: key.omitted.contains(.processRules) ? .none : kernel.tier,
        hasNetwork: kernel.networkProblem == nil && !key.omitted.contains(.networkRules),
        withoutNewExecutables: key.omitted.contains(.newExecutables))
    } catch {
      throw BackendError(message: error.description, reason: "")
    }
  }

  /// Forbids every exec in a cgroup until it is empty, unless it is known to be another's.
  ///
  /// - Returns: why that cannot be; nil: it is forbidden, or the cgroup is another's.
  mutating func refuse(_ subject: Subject, cgroup: Cgroup) -> BackendError? {
    guard !isAnothers(cgroup, than: subject), gates[cgroup.id] == nil else { return nil }
    var entry =
      entries[subject.containerID]
      ?? Entry(subject: subject, cgroup: cgroup, phase: .closing, policy: nil, revision: nil, rootDevice: 0)
    entry.phase = .closing
    entry.cgroup = cgroup
    insert(entry)
    do throws(BackendError) {
      try kernel.put(
        ContainerEntry(cgroupID: cgroup.id, revision: entry.revision, state: .closed, rootDevice: entry.rootDevice))
      return nil
    } catch { return error }
  }

  func isAnothers(_ cgroup: Cgroup, than subject: Subject) -> Bool {
    entries.contains { $0.key != subject.containerID && $0.value.cgroup.id == cgroup.id }
  }

  /// Detaches a container whose cgroup is empty; closes it while processes remain. Idempotent.
  ///
  /// - Returns: whether nothing of it is left.
  mutating func release(_ containerID: String) throws(ReleaseError) -> Bool {
    guard let entry = entries[containerID] else { return true }
    do throws(Errno) {
      guard try entry.cgroup.isEmpty() else {
        try closeRemaining(containerID, entry)
        return false
      }
    } catch { throw ReleaseError(directory: entry.cgroup.directory, reason: error.reason) }
    do throws(BackendError) {
      try kernel.detachNetwork(entry.cgroup.id)
      try kernel.remove(entry.cgroup.id)
    } catch { throw ReleaseError(directory: entry.cgroup.directory, reason: error.reason) }
    subjects.end(containerID, entry.cgroup.id)
    entries[containerID] = nil
    forgetUnusedPolicies()
    removePolicy(ofEnded: entry)
    return true
  }

  private mutating func closeRemaining(_ containerID: String, _ entry: Entry) throws(Errno) {
    guard entry.phase == .open else { return }
    do throws(BackendError) {
      try kernel.put(
        ContainerEntry(
          cgroupID: entry.cgroup.id, revision: entry.revision, state: .closed, rootDevice: entry.rootDevice))
    } catch { throw Errno(5, error.message) }
    entries[containerID]!.phase = .closing
  }

  /// The next container of such a profile gets its own policy: `removeUnusedPolicies` takes these out of the kernel.
  private mutating func forgetUnusedPolicies() {
    let used = Set(entries.values.compactMap(\.policy))
    for (key, policy) in policies where !used.contains(key) {
      policies[key] = nil
      subjects.retire(policy.revision)
    }
  }
}

/// A container that could not be detached, worded for the log as operators look for it.
package struct ReleaseError: Error, CustomStringConvertible, Sendable {
  package var directory: String
  package var reason: String
  package var description: String { "failed to detach bpf prog from \(directory): \(reason)" }
}
