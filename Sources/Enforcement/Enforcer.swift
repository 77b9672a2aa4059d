import Glibc
import Policy
import Seccomp
import Synchronization
import System

/// The life of containers in the kernel: activate at Start, release at Stop and Remove, adopt at Synchronize.
///
/// Any thread may call it. One lock guards the table; it is held for one container's kernel calls at a time.
package final class Enforcer: Sendable {
  package let hierarchy: CgroupHierarchy
  package let tier: Tier
  /// nil: network rules are enforced; else why not.
  package let networkProblem: String?
  private let runtimeMountNamespace: UInt64
  private let table: LockedTable?

  /// - Parameters:
  ///   - kernel: nil where the node takes no BPF programs at all: only seccomp remains.
  ///   - runtimeMountNamespace: inode number of the mount namespace of the runtime's own processes.
  package init(kernel: (any PolicyKernel)?, hierarchy: CgroupHierarchy, runtimeMountNamespace: UInt64) {
    self.hierarchy = hierarchy
    self.runtimeMountNamespace = runtimeMountNamespace
    tier = kernel?.tier ?? .none
    networkProblem = kernel.map(\.networkProblem) ?? "no BPF programs could be loaded"
    table = kernel.map { LockedTable(ConfinementTable(kernel: $0)) }
  }

  /// What a StartContainer tells of a container.
  package struct Start: Sendable {
    package var subject: Subject
    package var sandboxID: String
    package var cgroupsPath: String
    package var pid: UInt32
    package init(subject: Subject, sandboxID: String, cgroupsPath: String, pid: UInt32) {
      self.subject = subject
      self.sandboxID = sandboxID
      self.cgroupsPath = cgroupsPath
      self.pid = pid
    }
  }

  /// Puts a profile in force before the container's first instruction. An error refuses the container: see `refuse`.
  ///
  /// - Parameter expectsFilter: the profile's seccomp policy was sent to a runtime that honours it.
  /// - Returns: what is not in force, where the profile lets that pass.
  @discardableResult
  package func activate(
    _ start: Start, profile: Profile, expectsFilter: Bool
  ) throws(EnforcementError) -> [Gap] {
    do throws(EnforcementError) {
      let process = try ProcessView(pid: start.pid, in: hierarchy)
      var gaps = try filterGaps(process, profile, expectsFilter)
      guard let table else { return gaps }
      let cgroup = try locate(start, process)
      let lost = try lostToRuntime(process, profile)
      gaps += lost ?? []
      return try table.withLock { (table) throws(EnforcementError) in
        try table.activate(
          start.subject, profile: profile, cgroup: cgroup, process: process,
          omitting: lost == nil ? [] : [.processRules])
      } + gaps
    } catch {
      refuse(start)
      throw error
    }
  }

  /// Forbids every exec in a container until its cgroup is empty. Best effort by nature: it is refused already. Nothing
  /// to do where the payload names no cgroup, or one that is known to be another's; the gate of its pod is left then.
  package func refuse(_ start: Start) {
    guard let table, let cgroup = try? cgroup(at: start.cgroupsPath) else { return }
    table.withLock { $0.refuse(start.subject, cgroup: cgroup) }
  }

  /// Confines a container that was running before us. Its seccomp filter is what it is.
  ///
  /// - Returns: as `activate`.
  @discardableResult
  package func adopt(_ start: Start, profile: Profile) throws(EnforcementError) -> [Gap] {
    guard let table else { return [] }
    let process = try ProcessView(pid: start.pid, in: hierarchy)
    let cgroup = try locate(start, process)
    if isRuntimes(process) { throw .sharesRuntimeMountNamespace(pid: process.pid) }
    return try table.withLock { (table) throws(EnforcementError) in
      try table.adopt(start.subject, profile: profile, cgroup: cgroup, process: process)
    }
  }

  /// Leaves an earlier process's policy in force for a container whose profile cannot be used now.
  package func keepPrevious(_ start: Start) throws(EnforcementError) -> Bool {
    guard let table, let cgroup = try? cgroup(at: start.cgroupsPath) else { return false }
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(KernelError) { return try table.keepPrevious(start.subject, cgroup: cgroup) } catch {
        throw .kernel(error.message)
      }
    }
  }

  /// Lets a container without a policy of ours run where something of ours would hold it back: its pod's gate, a
  /// refused start, or what an earlier process put in force. Nothing to do elsewhere.
  ///
  /// - Parameter beforeGate: its pod is about to get a gate.
  package func admit(_ start: Start, beforeGate: Bool = false) throws(EnforcementError) {
    guard let table else { return }
    try table.withLock { (table) throws(EnforcementError) in
      if !beforeGate, try !isHeldBack(start, table) { return }
      try table.admit(start.subject, cgroup: try cgroup(at: start.cgroupsPath))
    }
  }

  /// Whether the container is behind a gate, or the kernel has an entry for it; false too where it has no cgroup that
  /// could be bound. The sandbox of a gate that was inherited is not known: its cgroup says who is behind it.
  private func isHeldBack(_ start: Start, _ table: borrowing ConfinementTable) throws(EnforcementError) -> Bool {
    if table.gates[start.sandboxID] != nil || table.entries[start.subject.containerID] != nil { return true }
    guard let cgroup = try? cgroup(at: start.cgroupsPath) else { return false }
    if table.isBehindGate(cgroup) { return true }
    do throws(KernelError) { return try table.kernel.container(cgroup.id) != nil } catch {
      throw .kernel(error.message)
    }
  }

  /// - Returns: whether nothing of the container is left; false while processes remain in its cgroup.
  package func release(_ containerID: String) throws(ReleaseError) -> Bool {
    guard let table else { return true }
    return try table.withLock { (table) throws(ReleaseError) in try table.release(containerID) }
  }

  /// A sandbox, as RunPodSandbox tells of it.
  package struct Sandbox: Sendable {
    package var id: String
    package var cgroupParent: String
    /// Of the sandbox's own process; 0 where there is none.
    package var pid: UInt32
    package var subject: Subject
    package init(id: String, cgroupParent: String, pid: UInt32, subject: Subject) {
      self.id = id
      self.cgroupParent = cgroupParent
      self.pid = pid
      self.subject = subject
    }
  }

  /// Whether this node's pods can have gates.
  package var hasGates: Bool { table != nil && tier >= .signal && hierarchy.root != nil }

  /// - Returns: false where the pod has no cgroup of its own, or the tier has no gates.
  package func closeGate(_ sandbox: Sandbox) throws(EnforcementError) -> Bool {
    guard hasGates, let table, let root = hierarchy.root,
      let path = CgroupPath(pod: sandbox.subject.podUID, cgroupParent: sandbox.cgroupParent)
    else { return false }
    let cgroup: Cgroup
    do throws(Errno) { cgroup = try Cgroup(path, in: root) } catch {
      if error.code == ENOENT { return false }
      throw .noCgroup(path: root + path.path, error)
    }
    let pause = try pause(of: sandbox, below: path, root)
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(KernelError) {
        try table.closeGate(
          sandbox: sandbox.id, ConfinementTable.Gate(cgroup: cgroup, subject: sandbox.subject), pause: pause)
      } catch { throw .kernel(error.message) }
      return true
    }
  }

  /// The cgroup of the sandbox's process, unless it is over already.
  private func pause(
    of sandbox: Sandbox, below pod: CgroupPath, _ root: String
  ) throws(EnforcementError) -> Cgroup? {
    guard sandbox.pid > 0, let text = try? Files.text("/proc/\(sandbox.pid)/cgroup"),
      let found = hierarchy.path(ofProcess: text)
    else { return nil }
    guard found.hasPrefix(pod.path + "/") else {
      throw .processElsewhere(pid: sandbox.pid, expected: "below \(pod.path)", found: found)
    }
    return try? Cgroup(directory: root + found)
  }

  /// Ends the gate of a sandbox that is over. The same pod's next sandbox starts its process at once, so gates that
  /// hold nothing back any more are ended as well.
  package func openGate(sandbox: String) throws(EnforcementError) {
    try table?.withLock { (table) throws(EnforcementError) in
      do throws(KernelError) {
        try table.openGate(sandbox: sandbox)
        try table.openGoneGates()
      } catch { throw .kernel(error.message) }
    }
  }

  /// Takes over what an earlier process left in force, before the runtime says what runs, or where it never does.
  package func inherit() throws(KernelError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(KernelError) in
      try table.inherit(root: root)
      try table.kernel.markRunningTasks()
    }
  }

  /// After a Synchronize: marks what runs, and settles what no listed container accounts for.
  package func settle(sandboxes: Set<String>) throws(KernelError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(KernelError) in
      for sandbox in table.gates.keys where !sandboxes.contains(sandbox) { try table.openGate(sandbox: sandbox) }
      try table.settleLeftovers(root: root)
      try table.kernel.markRunningTasks()
    }
  }

  /// Ends the gates of pods that are gone.
  package func openGoneGates() throws(KernelError) {
    try table?.withLock { (table) throws(KernelError) in try table.openGoneGates() }
  }

  /// Ids of the containers in the table; the sweep releases those whose cgroup has gone empty unannounced.
  package var containerIDs: [String] { table?.withLock { Array($0.entries.keys) } ?? [] }

  package func entry(_ containerID: String) -> ConfinementTable.Entry? {
    table?.withLock { $0.entries[containerID] }
  }

  /// Whether the cgroup of a container is gone or empty although the runtime did not say that it ended.
  package func hasEnded(_ containerID: String) -> Bool {
    guard let entry = entry(containerID) else { return false }
    return (try? entry.cgroup.isEmpty()) ?? false
  }

  /// Gives the running containers of a changed profile its new text. After an error some of them have the old one,
  /// until `replaceUnfinished` succeeds.
  package func replace(_ profile: Profile) throws(KernelError) {
    try table?.withLock { (table) throws(KernelError) in try table.replace(profile) }
  }

  /// Tries again what `replace` could not do.
  package func replaceUnfinished() throws(KernelError) {
    try table?.withLock { (table) throws(KernelError) in
      for profile in table.unfinished.values { try table.replace(profile) }
    }
  }

  /// Takes policies out of the kernel that no container has had for a while.
  package func removeUnusedPolicies(now: ContinuousClock.Instant = .now) throws(KernelError) {
    try table?.withLock { (table) throws(KernelError) in try table.removeUnusedPolicies(now: now) }
  }

  /// Names of the profiles that running containers use.
  package var profilesInUse: Set<String> { table?.withLock { Set($0.policies.keys.map(\.profile)) } ?? [] }

  package func eventSubject(cgroupID: UInt64, revision: UInt64) -> EventSubject? {
    table?.withLock { $0.eventSubject(cgroupID: cgroupID, revision: revision) }
  }

  /// Takes everything out of the kernel where no container and no gate needs it any more.
  ///
  /// - Returns: whether it was taken out.
  package func removeIfUnused() throws(KernelError) -> Bool {
    guard let table, let root = hierarchy.root else { return true }
    return try table.withLock { (table) throws(KernelError) in
      guard try table.isUnused(root: root) else { return false }
      try table.kernel.removeAll()
      return true
    }
  }

  private func cgroup(at payload: String) throws(EnforcementError) -> Cgroup {
    let path = try CgroupPath(payload: payload)
    guard let root = hierarchy.root else { throw .noKernel(CgroupHierarchy.noneText) }
    do throws(Errno) { return try Cgroup(path, in: root) } catch { throw .noCgroup(path: root + path.path, error) }
  }

  private func locate(_ start: Start, _ process: ProcessView) throws(EnforcementError) -> Cgroup {
    let path = try CgroupPath(payload: start.cgroupsPath)
    guard process.cgroup == path.path else {
      throw .processElsewhere(pid: start.pid, expected: path.path, found: process.cgroup)
    }
    return try cgroup(at: start.cgroupsPath)
  }

  private func isRuntimes(_ process: ProcessView) -> Bool { process.mountNamespace == runtimeMountNamespace }

  /// - Returns: nil: the container's processes can be told from the runtime's; else what is lost by that.
  private func lostToRuntime(_ process: ProcessView, _ profile: Profile) throws(EnforcementError) -> [Gap]? {
    guard isRuntimes(process) else { return nil }
    let error = EnforcementError.sharesRuntimeMountNamespace(pid: process.pid)
    guard profile.failurePolicy == .ignore else { throw error }
    return profile.lostProcessRules(because: error.description)
  }

  private func filterGaps(
    _ process: ProcessView, _ profile: Profile, _ expectsFilter: Bool
  ) throws(EnforcementError) -> [Gap] {
    guard expectsFilter || profile.requireFilter,
      !filterIsActive(statusText: process.status, parent: process.parentStatus)
    else { return [] }
    guard profile.failurePolicy == .ignore else {
      throw expectsFilter ? .notFiltered(pid: process.pid) : .noFilterRequired(pid: process.pid)
    }
    let subject = expectsFilter ? "seccomp" : "requireFilter"
    return [
      profile.lostFilter(
        subject, because: "process \(process.pid) has no seccomp filter",
        remedy: expectsFilter
          ? "see why the runtime ignored it, or which plugin removed it" : "give the pod a seccompProfile")
    ]
  }
}

/// The table behind its lock. A class, since an optional `Mutex` cannot be unwrapped without taking it out.
private final class LockedTable: Sendable {
  private let mutex: Mutex<ConfinementTable>

  init(_ table: sending ConfinementTable) { mutex = Mutex(table) }

  func withLock<Result, Failure: Error>(
    _ body: (inout ConfinementTable) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock { (table) throws(Failure) in try body(&table) }
  }
}
