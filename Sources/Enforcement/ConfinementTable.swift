import BPF
import CStockade
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
    package var revision: UInt64
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
    var revision: UInt64
    var needs: NetworkNeeds
  }

  let kernel: any EnforcementBackend
  package internal(set) var entries: [String: Entry] = [:]
  /// The newest text of each; containers may still have an older one.
  var policies: [PolicyKey: Installed] = [:]
  /// By name: profiles whose newest text some container does not have.
  var unfinished: [String: CompiledProfile] = [:]
  /// Revisions in the kernel that no container has any more, and since when that is known.
  var unusedRevisions: [UInt64: ContinuousClock.Instant] = [:]
  /// By the id of the pod's cgroup.
  var gates: [UInt64: Gate] = [:]
  var podOfSandbox: [String: UInt64] = [:]
  /// Cgroups of sandboxes in which no process was at the last looks, and how many looks that were, by the id of the
  /// pod's cgroup.
  var unusedClaims: [UInt64: (cgroup: UInt64, looks: Int)] = [:]
  /// Events are read later than they happen: who ended, and which policy was replaced, a moment ago.
  private var ended = RecentValues<UInt64, Entry>(limit: 256)
  private var profiles = RecentValues<UInt64, Profile>(limit: 256)

  init(kernel: any EnforcementBackend) { self.kernel = kernel }

  mutating func insert(_ entry: Entry) { entries[entry.subject.containerID] = entry }
  mutating func remove(_ containerID: String) { entries[containerID] = nil }

  /// Confines a container whose first process is parked before its exec; where the profile lets that pass, without its
  /// network rules if they are what fails.
  ///
  /// - Returns: what is not in force for other reasons than those of `omitting`.
  mutating func activate(
    _ subject: Subject, profile: CompiledProfile, cgroup: Cgroup, process: ProcessView, omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    try open(subject, profile, cgroup, process, entrypoint: true, omitting: omitted)
  }

  /// Confines a container that runs already; all but its entrypoint's exception.
  mutating func adopt(
    _ subject: Subject, profile: CompiledProfile, cgroup: Cgroup, process: ProcessView, omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    try open(subject, profile, cgroup, process, entrypoint: false, omitting: omitted)
  }

  /// Whether an earlier process, or this one, had it confined.
  func wasConfined(_ cgroup: Cgroup) throws(EnforcementError) -> Bool {
    do throws(BackendError) { return try kernel.container(cgroup.id).map { $0.revision != 0 } ?? false } catch {
      throw .kernel(error.message)
    }
  }

  private mutating func open(
    _ subject: Subject, _ compiled: CompiledProfile, _ cgroup: Cgroup, _ process: ProcessView, entrypoint: Bool,
    omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    do throws(EnforcementError) {
      return try open(
        subject, profile: compiled, cgroup: cgroup, process: process, entrypoint: entrypoint, omitting: omitted)
    } catch {
      let profile = compiled.profile
      let lost = kernel.networkProblem == nil ? profile.lostNetworkRules(because: error.description) : []
      guard profile.failurePolicy == .ignore, !lost.isEmpty else { throw error }
      // Those that could be attached would drop everything.
      do throws(BackendError) { try kernel.detachNetwork(cgroup.id) } catch { throw .kernel(error.message) }
      return try open(
        subject, profile: compiled, cgroup: cgroup, process: process, entrypoint: entrypoint,
        omitting: omitted.union([.networkRules])) + lost
    }
  }

  /// All tasks of open containers are marked: what has no mark now came later.
  func endAdoptions() throws(BackendError) {
    for var row in try kernel.containers()
    where row.flags & STOCKADE_RAN_BEFORE.rawValue != 0 && row.state == STOCKADE_OPEN.rawValue {
      row.flags &= ~STOCKADE_RAN_BEFORE.rawValue
      try kernel.put(row)
    }
  }

  /// Lets a container through its pod's gate with no policy of ours.
  mutating func admit(_ subject: Subject, cgroup: Cgroup) throws(EnforcementError) {
    do throws(BackendError) {
      // Programs of a failed activation, or of an earlier process, would find no policy, and refuse everything.
      try kernel.detachNetwork(cgroup.id)
      try kernel.put(row(cgroup, revision: 0, state: STOCKADE_OPEN, rootDevice: 0))
    } catch { throw .kernel(error.message) }
    entries[subject.containerID] = Entry(
      subject: subject, cgroup: cgroup, phase: .open, policy: nil, revision: 0, rootDevice: 0)
    forgetUnusedPolicies()
  }

  private mutating func open(
    _ subject: Subject, profile compiled: CompiledProfile, cgroup: Cgroup, process: ProcessView, entrypoint: Bool,
    omitting omitted: Set<Omission>
  ) throws(EnforcementError) -> [Gap] {
    let profile = compiled.profile
    let gaps = process.rootIsOverlay || omitted.contains(.processRules) ? [] : profile.gapsWithoutOverlayRoot()
    guard profile.refused(gaps).isEmpty else { throw .unenforceable(gaps) }
    let key = PolicyKey(profile: profile.name, omitted: gaps.isEmpty ? omitted : omitted.union([.newExecutables]))
    do throws(BackendError) {
      let policy = try install(key, compiled)
      if entrypoint {
        try kernel.setEntrypoint(
          cgroup.id, stockade_process(tgid: process.pid, pad: 0, start_ticks: process.startTicks))
      }
      try kernel.attachNetwork(cgroup, needs: policy.needs)
      guard cgroup.isCurrent else { throw BackendError(message: "cgroup \(cgroup.directory) was replaced", reason: "") }
      // The last write: until here nothing in it may run.
      var row = row(cgroup, revision: policy.revision, state: STOCKADE_OPEN, rootDevice: process.rootDevice)
      row.flags = entrypoint ? 0 : STOCKADE_RAN_BEFORE.rawValue
      try kernel.put(row)
      entries[subject.containerID] = Entry(
        subject: subject, cgroup: cgroup, phase: .open, policy: key, revision: policy.revision,
        rootDevice: process.rootDevice)
      return gaps
    } catch {
      forgetUnusedPolicies()
      throw .kernel(error.message)
    }
  }

  /// The installed policy of a key; installs it, or its newer text, first. Others get that by `replace`.
  mutating func install(_ key: PolicyKey, _ compiled: CompiledProfile) throws(BackendError) -> Installed {
    if let present = policies[key], present.profile == compiled.profile { return present }
    let installed = try write(key, compiled)
    policies[key] = installed
    return installed
  }

  private mutating func write(_ key: PolicyKey, _ compiled: CompiledProfile) throws(BackendError) -> Installed {
    let policy = compiled.policy.reduced(
      to: key.omitted.contains(.processRules) ? .none : kernel.tier,
      hasNetwork: kernel.networkProblem == nil && !key.omitted.contains(.networkRules),
      withoutNewExecutables: key.omitted.contains(.newExecutables))
    let revision = UInt64.random(in: 1...UInt64.max)
    try kernel.install(policy, revision: revision)
    profiles.insert(compiled.profile, for: revision)
    return Installed(profile: compiled.profile, revision: revision, needs: NetworkNeeds(policy))
  }

  /// Forbids every exec in a cgroup until it is empty, unless it is known to be another's.
  ///
  /// - Returns: why that cannot be; nil: it is forbidden, or the cgroup is another's.
  mutating func refuse(_ subject: Subject, cgroup: Cgroup) -> BackendError? {
    guard !isAnothers(cgroup, than: subject), gates[cgroup.id] == nil else { return nil }
    var entry =
      entries[subject.containerID]
      ?? Entry(subject: subject, cgroup: cgroup, phase: .closing, policy: nil, revision: 0, rootDevice: 0)
    entry.phase = .closing
    entry.cgroup = cgroup
    entries[subject.containerID] = entry
    do throws(BackendError) {
      try kernel.put(row(cgroup, revision: entry.revision, state: STOCKADE_CLOSED, rootDevice: entry.rootDevice))
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
    ended.insert(entry, for: entry.cgroup.id)
    entries[containerID] = nil
    forgetUnusedPolicies()
    removePolicy(ofEnded: entry)
    return true
  }

  private mutating func closeRemaining(_ containerID: String, _ entry: Entry) throws(Errno) {
    guard entry.phase == .open else { return }
    do throws(BackendError) {
      try kernel.put(row(entry.cgroup, revision: entry.revision, state: STOCKADE_CLOSED, rootDevice: entry.rootDevice))
    } catch { throw Errno(5, error.message) }
    entries[containerID]!.phase = .closing
  }

  func row(
    _ cgroup: Cgroup, revision: UInt64, state: stockade_container_state, rootDevice: UInt32
  ) -> stockade_container {
    stockade_container(
      cgroup_id: cgroup.id, revision: revision, state: state.rawValue, root_device: rootDevice, check: 0, flags: 0)
  }

  /// The next container of such a profile gets its own policy: `removeUnusedPolicies` takes these out of the kernel.
  private mutating func forgetUnusedPolicies() {
    let used = Set(entries.values.compactMap(\.policy))
    policies = policies.filter { used.contains($0.key) }
  }

  /// Who a cgroup belongs to or belonged to, and the profile that a revision stands for.
  func eventSubject(cgroupID: UInt64, revision: UInt64) -> EventSubject? {
    guard let entry = entries.values.first(where: { $0.cgroup.id == cgroupID }) ?? ended[cgroupID] else {
      return gates[cgroupID].map {
        EventSubject(subject: $0.subject, profile: Profile(name: "", file: ""), tier: kernel.tier)
      }
    }
    let profile = policies.values.first { $0.revision == revision }?.profile ?? profiles[revision]
    return EventSubject(
      subject: entry.subject, profile: profile ?? Profile(name: entry.policy?.profile ?? "", file: ""),
      tier: kernel.tier)
  }
}

/// A container that could not be detached, worded for the log as operators look for it.
package struct ReleaseError: Error, CustomStringConvertible, Sendable {
  package var directory: String
  package var reason: String
  package var description: String { "failed to detach bpf prog from \(directory): \(reason)" }
}
