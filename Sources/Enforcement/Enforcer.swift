import BPF
import Glibc
import Policy
import Seccomp
import Synchronization
import System

/// The life of containers in the kernel: activate at Start, release at Stop and Remove, adopt at Synchronize.
///
/// Any thread may call it. One lock guards the table. Who starts a container waits for it, so it is held for one
/// container's kernel calls at a time, but for what the runtime itself waits for (`inherit`, `settle`) and at the end.
package final class Enforcer: Sendable {
  package let hierarchy: CgroupHierarchy
  /// Whose programs run; `claim` says what that is worth.
  package let tier: Tier
  /// nil: network rules are enforced; else why not.
  package let networkProblem: String?
  private let runtimeMountNamespace: UInt64
  private let kernel: (any EnforcementBackend)?
  private let noKernelReason: String
  /// For events; asking it waits for no decision.
  package let subjects = SubjectIndex()
  private let table: LockedTable?
  /// What `mend` could not put right.
  private let missing = Mutex<String?>(nil)
  private let turns = Mutex(LookTurns())

  /// - Parameters:
  ///   - kernel: nil where the node takes no BPF programs at all: only seccomp remains.
  ///   - runtimeMountNamespace: inode number of the mount namespace of the runtime's own processes.
  ///   - noKernelReason: why there is no kernel.
  package init(
    kernel: (any EnforcementBackend)?, hierarchy: CgroupHierarchy, runtimeMountNamespace: UInt64,
    noKernelReason: String = ""
  ) {
    self.kernel = kernel
    self.noKernelReason = noKernelReason
    self.hierarchy = hierarchy
    self.runtimeMountNamespace = runtimeMountNamespace
    tier = kernel?.tier ?? .none
    networkProblem = kernel.map(\.networkProblem) ?? "no BPF programs could be loaded"
    let subjects = subjects
    table = kernel.map { LockedTable(ConfinementTable(kernel: $0, subjects: subjects)) }
  }

  package var claim: TierClaim { kernel?.claim ?? TierClaim(tier: .none, reason: noKernelReason) }

  /// As profiles are judged by. It can change: `checkClaim`.
  package func capabilities(runtimeHandler: String = "") -> NodeCapabilities {
    NodeCapabilities(claim, networkProblem: networkProblem, runtimeHandler: runtimeHandler)
  }

  /// Looks for what refutes the claim, and lowers it.
  ///
  /// - Returns: what was found; nil: nothing since the last time.
  package func checkClaim() throws(BackendError) -> String? { try kernel?.checkClaim() }

  /// Looks whether all that the claim rests on is there and ours, and puts right what is not: of containers those whose
  /// turn it is, and all where something was found. The lock is held for one of them at a time. Nothing is looked at
  /// while a newer process looks after the pins.
  ///
  /// - Returns: nil: such a one does.
  package func mend() -> [Damage]? {
    guard let kernel, let table else { return [] }
    guard case .inCharge(let found) = kernel.mend() else {
      // Once that one is gone, all that it put in place of ours is found at one look.
      turns.withLock { $0.end(foundDamage: true) }
      return nil
    }
    let problems = found.compactMap { damage in damage.problem.map { "\(damage.what): \($0)" } }
    missing.withLock { $0 = problems.isEmpty ? nil : problems.joined(separator: "; ") }
    return turns.withLock { turns in
      let all = found + mendContainers(table, of: &turns, after: found)
      turns.end(foundDamage: !all.isEmpty)
      return all
    }
  }

  private func mendContainers(_ table: LockedTable, of turns: inout LookTurns, after found: [Damage]) -> [Damage] {
    let nodeIsOpen = found.contains { $0.isOpen }
    let turn = turns.next()
    let isTurn = { (id: String) in !found.isEmpty || turn.contains(LookTurns.turn(of: id)) }
    let ids = containerIDs
    var damage = ids.filter(isTurn).compactMap { mend($0, table, nodeIsOpen: nodeIsOpen) }
    if !damage.isEmpty {
      damage += ids.filter { !isTurn($0) }.compactMap { mend($0, table, nodeIsOpen: nodeIsOpen) }
    }
    return joined(damage)
  }

  private func mend(_ id: String, _ table: LockedTable, nodeIsOpen: Bool) -> (id: String, damage: Damage)? {
    table.withLock { $0.mendNetwork(id, nodeIsOpen: nodeIsOpen) }.map { (id, $0) }
  }

  /// What is only not pinned is one thing for all, since it is one act most often.
  private func joined(_ damage: [(id: String, damage: Damage)]) -> [Damage] {
    var (found, pins): ([Damage], Damage) = ([], Damage(.networkPins))
    for (id, damage) in damage {
      if case .network = damage.place, !damage.wasOpen {
        pins.add(damage, named: entry(id)?.subject.text ?? id)
      } else {
        found.append(damage)
      }
    }
    return found + (pins.isNone ? [] : [pins])
  }

  /// As containers are judged by that start now: where something that the claim rests on is missing, and cannot be put
  /// right at the moment, nothing is promised.
  package func presentCapabilities(runtimeHandler: String) -> NodeCapabilities {
    guard let missing = missing.withLock({ $0 }) else { return capabilities(runtimeHandler: runtimeHandler) }
    let text = "stockade's own are not as it left them: \(missing)"
    return NodeCapabilities(
      TierClaim(tier: .none, reason: text), networkProblem: text, runtimeHandler: runtimeHandler)
  }

  /// How full the kernel's tables are.
  package func fills() throws(BackendError) -> [MapFill] { try kernel?.fills() ?? [] }

  /// Forgets processes that left their containers and are over, but were not seen to end.
  package func sweepStrays() throws(BackendError) { try kernel?.sweepStrays() }

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

  /// Puts a profile in force before the container's first instruction. After an error nothing holds the container yet:
  /// the caller refuses it, or admits it.
  ///
  /// - Parameter expectsFilter: the profile's seccomp policy was sent to a runtime that honours it.
  /// - Returns: what is not in force, where the profile lets that pass.
  @discardableResult
  package func activate(
    _ start: Start, profile: Profile, expectsFilter: Bool
  ) throws(EnforcementError) -> [Gap] {
    let process = try ProcessView(pid: start.pid, in: hierarchy)
    var gaps = try filterGaps(process, profile, expectsFilter)
    guard let table else { return gaps }
    let cgroup = try locate(start, process)
    gaps += try leftGaps(process, cgroup, profile)
    let lost = try lostToRuntime(process, profile)
    gaps += lost ?? []
    return try table.withLock { (table) throws(EnforcementError) in
      try table.activate(
        start.subject, profile: profile, cgroup: cgroup, process: process,
        omitting: lost == nil ? [] : [.processRules])
    } + gaps
  }

  /// Forbids every exec in a container until its cgroup is empty; where the kernel has no room to remember that, ends
  /// its processes instead. Nothing to do where the payload names no cgroup, or one that is known to be another's; the
  /// gate of its pod is left then.
  ///
  /// - Returns: why it could not be closed, and what was done; nil: it is closed.
  @discardableResult
  package func refuse(_ start: Start) -> String? {
    guard let table, let cgroup = try? cgroup(at: start.cgroupsPath) else { return nil }
    guard let error = table.withLock({ $0.refuse(start.subject, cgroup: cgroup) }) else { return nil }
    // A path that is wrong must not end others.
    guard let process = try? ProcessView(pid: start.pid, in: hierarchy), (try? locate(start, process)) == cgroup else {
      return "\(error); its process is not in its cgroup, so nothing could be done"
    }
    do throws(Errno) {
      try cgroup.killAll()
      return "\(error); its processes were killed"
    } catch { return "\(error); its processes could not be killed either: \(error.reason)" }
  }

  /// Confines a container that was running before us. Its seccomp filter is what it is, and it cannot be refused.
  ///
  /// - Parameter expectsFilter: the profile sets a seccomp policy for it.
  /// - Returns: what is not in force, also of what a start would have been refused for.
  @discardableResult
  package func adopt(
    _ start: Start, profile: Profile, expectsFilter: Bool
  ) throws(EnforcementError) -> [Gap] {
    let process = try ProcessView(pid: start.pid, in: hierarchy)
    let missing = missingFilter(process, profile, expectsFilter)
    guard let table else { return [missing].compactMap { $0 } }
    let cgroup = try locate(start, process)
    let lost = try lostToRuntime(process, profile)
    return try table.withLock { (table) throws(EnforcementError) in
      let late = try table.wasConfined(cgroup) ? [] : profile.lostBefore(hasFilter: expectsFilter && missing == nil)
      return try table.adopt(
        start.subject, profile: profile, cgroup: cgroup, process: process,
        omitting: lost == nil ? [] : [.processRules]) + late
    } + [missing].compactMap { $0 } + (lost ?? [])
  }

  /// Leaves an earlier process's policy in force for a container whose profile cannot be used now.
  package func keepPrevious(_ start: Start) throws(EnforcementError) -> Bool {
    guard let table, let cgroup = try? cgroup(at: start.cgroupsPath) else { return false }
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) { return try table.keepPrevious(start.subject, cgroup: cgroup) } catch {
        throw .kernel(error.message)
      }
    }
  }

  /// Lets a container without a policy of ours run where something of ours would hold it back: its pod's gate, a
  /// refused start, or what an earlier process put in force. Nothing to do elsewhere.
  ///
  /// - Parameters:
  ///   - beforeGate: its pod is about to get a gate.
  ///   - afterFailure: of `activate`, which may have attached programs that let nothing through.
  package func admit(
    _ start: Start, beforeGate: Bool = false, afterFailure: Bool = false
  ) throws(EnforcementError) {
    guard let table else { return }
    try table.withLock { (table) throws(EnforcementError) in
      if afterFailure { try detachNetwork(start, table) }
      if !beforeGate, try !isHeldBack(start, table) { return }
      try table.admit(start.subject, cgroup: try cgroup(at: start.cgroupsPath))
    }
  }

  private func detachNetwork(_ start: Start, _ table: borrowing ConfinementTable) throws(EnforcementError) {
    // A path that is wrong must not open others.
    guard let cgroup = try? cgroup(at: start.cgroupsPath), !table.isAnothers(cgroup, than: start.subject) else {
      return
    }
    do throws(BackendError) { try table.kernel.detachNetwork(cgroup.id) } catch { throw .kernel(error.message) }
  }

  /// Whether the container is behind a gate, or the kernel has an entry for it; false too where it has no cgroup that
  /// could be bound. The sandbox of a gate may not be known: the cgroup says who is behind it.
  private func isHeldBack(_ start: Start, _ table: borrowing ConfinementTable) throws(EnforcementError) -> Bool {
    if table.podOfSandbox[start.sandboxID] != nil || table.entries[start.subject.containerID] != nil { return true }
    guard let cgroup = try? cgroup(at: start.cgroupsPath) else { return false }
    do throws(BackendError) {
      if try table.isBehindGate(cgroup) { return true }
      return try table.kernel.container(cgroup.id) != nil
    } catch { throw .kernel(error.message) }
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
    package var process: SandboxProcess
    package var subject: Subject
    package init(id: String, cgroupParent: String, process: SandboxProcess, subject: Subject) {
      self.id = id
      self.cgroupParent = cgroupParent
      self.process = process
      self.subject = subject
    }
  }

  /// The sandbox's own process, which runs before the runtime tells of the sandbox.
  package enum SandboxProcess: Equatable, Sendable {
    case pid(UInt32)
    /// The runtime has started none for this sandbox.
    case none
    /// The same, or it is over: the runtime does not say which.
    case noneOrOver
    /// The runtime does not say: it is over, or there is none.
    case unknown
  }

  /// Whether this node's pods can have gates.
  package var hasGates: Bool { table != nil && tier >= .signal && hierarchy.root != nil }

  /// Closes the gate of a sandbox's pod.
  ///
  /// - Returns: how many execs the pod's gate has refused since it was last told; nil: the pod has no cgroup of its
  ///   own, or the tier has no gates.
  package func closeGate(_ sandbox: Sandbox) throws(EnforcementError) -> UInt32? {
    guard hasGates, let table, let pod = try podCgroup(sandbox) else { return nil }
    let (known, cgroup) = try known(sandbox, in: pod)
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) {
        // Where the kernel follows one, it has a process, and so will the next.
        let isFollowed = try table.followsSandbox(pod)
        let refused = try table.closeGate(
          sandbox: sandbox.id, ConfinementTable.Gate(cgroup: pod, subject: sandbox.subject),
          sandbox.process == .noneOrOver && isFollowed ? nil : known)
        if let cgroup, (try? cgroup.isEmpty()) != false { try table.sandboxEnded(cgroup, in: pod.id) }
        return refused
      } catch { throw .kernel(error.message) }
    }
  }

  /// nil: it has none of its own.
  private func podCgroup(_ sandbox: Sandbox) throws(EnforcementError) -> Cgroup? {
    guard let root = hierarchy.root,
      let path = CgroupPath(pod: sandbox.subject.podUID, cgroupParent: sandbox.cgroupParent)
    else { return nil }
    do throws(Errno) { return try Cgroup(path, in: root) } catch {
      if error.code == ENOENT { return nil }
      throw .noCgroup(path: root + path.path, error)
    }
  }

  /// The sandbox for the kernel, with the cgroup of its process; nil: what the kernel knows is better.
  private func known(
    _ sandbox: Sandbox, in pod: Cgroup
  ) throws(EnforcementError) -> (SandboxEntry?, Cgroup?) {
    switch sandbox.process {
    case .none, .noneOrOver: return (SandboxEntry(firstChild: .noProcess), nil)
    case .unknown: return (nil, nil)
    case .pid(let pid): return try known(ofProcess: pid, in: pod)
    }
  }

  private func known(ofProcess pid: UInt32, in pod: Cgroup) throws(EnforcementError) -> (SandboxEntry?, Cgroup?) {
    let folder = "/proc/\(pid)"
    guard let root = hierarchy.root, let text = try? Files.text(folder + "/cgroup"),
      let found = hierarchy.path(ofProcess: text)
    else { return (nil, nil) }
    guard (root + found).hasPrefix(pod.directory + "/") else {
      throw .processElsewhere(pid: pid, expected: "below \(pod.directory.dropFirst(root.count))", found: found)
    }
    // A runtime may have made cgroups below the sandbox's own.
    let name = (root + found).dropFirst(pod.directory.count + 1).prefix { $0 != "/" }
    guard let cgroup = try? Cgroup(directory: "\(pod.directory)/\(name)"),
      let shim = try? ProcessView.parent(ofStatus: try Files.text(folder + "/status")),
      let start = try? ProcessStat.startTicks(in: "/proc/\(shim)")
    else { return (nil, nil) }
    let known = SandboxEntry(
      firstChild: .cgroup(cgroup.id), bound: cgroup.id, shim: ProcessIdentity(pid: shim, startTicks: start))
    return (known, cgroup)
  }

  /// The pod of a sandbox needs no gate: one that it had is ended.
  package func openGate(_ sandbox: Sandbox) throws(EnforcementError) {
    guard hasGates, let table, let pod = try podCgroup(sandbox) else { return }
    try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) { try table.openGate(pod) } catch { throw .kernel(error.message) }
    }
  }

  /// Closes the node gate, or opens it, as it is wanted.
  ///
  /// - Returns: what was done; nil: it was so already.
  package func setNodeGate(_ wanted: NodeConfiguration.NodeGate) throws(EnforcementError) -> NodeGate.Record? {
    guard let gate = nodeGate, let root = hierarchy.root else {
      guard wanted.enabled else { return nil }
      throw .kernel("no BPF programs could be loaded: \(claim.reason)")
    }
    let closing = NodeGateClosing(gate, root: root)
    do throws(BPFError) {
      guard wanted.enabled else {
        guard wanted.isSaid, try gate.isClosed else { return nil }
        try closing.open()
        return .now(.opened, "the configuration asks for it")
      }
    } catch { throw .kernel("\(error)") }
    // Also where it is closed already: it may hold nothing back.
    if let problem = NodeGateClosing.problem(claim) { throw .kernel(problem) }
    do throws(BPFError) { if try closing.isDone(wanted) { return nil } } catch { throw .kernel("\(error)") }
    _ = try closing.close(wanted)
    return .now(.closed, "the configuration asks for it")
  }

  private var nodeGate: NodeGate? { (kernel as? BPFBackend)?.nodeGate }

  /// The runtime has removed a sandbox. Its pod's gate ends with the pod's cgroup, or by `openGoneGates`.
  package func forgetSandbox(_ sandbox: String) { table?.withLock { $0.forgetSandbox(sandbox) } }

  /// Takes over what an earlier process left in force, before the runtime says what runs, or where it never does.
  package func inherit() throws(BackendError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(BackendError) in
      try table.inherit(root: root)
      try bindRunning(&table)
    }
  }

  /// After a Synchronize: marks what runs, and settles what no listed container accounts for.
  package func settle(sandboxes: Set<String>) throws(BackendError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(BackendError) in
      for sandbox in table.podOfSandbox.keys where !sandboxes.contains(sandbox) { table.forgetSandbox(sandbox) }
      var failure: BackendError?
      do throws(BackendError) { try table.settleLeftovers(root: root) } catch { failure = error }
      try bindRunning(&table)
      if let failure { throw failure }
    }
  }

  /// Whatever cannot be bound, the other containers' adoptions end.
  private func bindRunning(_ table: inout ConfinementTable) throws(BackendError) {
    var failure: BackendError?
    do throws(BackendError) { try table.bindRunning() } catch { failure = error }
    try table.endAdoptions()
    if let failure { throw failure }
  }

  /// Ends the gates of pods that are gone, or have neither a sandbox nor a process, and what keeps a pod's next sandbox
  /// out. The lock is held for one gate at a time: whoever starts a container waits for it.
  package func openGoneGates() throws(BackendError) {
    guard let table, let root = hierarchy.root else { return }
    for gate in table.withLock({ Array($0.gates.values) }) where gate.isOver {
      try table.withLock { (table) throws(BackendError) in try table.removeGate(gate) }
    }
    try table.withLock { (table) throws(BackendError) in try table.endUnusedClaims(root: root) }
  }

  /// Ids of the containers in the table; the sweep releases those whose cgroup has gone empty unannounced.
  package var containerIDs: [String] { table?.withLock { Array($0.entries.keys) } ?? [] }

  package func entry(_ containerID: String) -> ConfinementTable.Entry? {
    table?.withLock { $0.entries[containerID] }
  }

  /// Whether the cgroup of a container is gone or empty although the runtime did not say that it ended; or the runtime
  /// did, and processes were left.
  package func hasEnded(_ containerID: String) -> Bool {
    guard let entry = entry(containerID) else { return false }
    return entry.phase == .closing || (try? entry.cgroup.isEmpty()) == true
  }

  /// Gives the running containers of a changed profile its new text. After an error some of them have the old one,
  /// until `replaceUnfinished` succeeds.
  package func replace(_ profile: Profile) throws(BackendError) {
    guard let table else { return }
    table.withLock { $0.unfinished[profile.name] = profile }
    try giveNewest(of: profile.name, table)
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

  /// Takes everything out of the kernel where no container and no gate needs it any more.
  ///
  /// - Returns: whether it was taken out.
  package func removeIfUnused() throws(BackendError) -> Bool {
    guard let table, let root = hierarchy.root else { return true }
    return try table.withLock { (table) throws(BackendError) in
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
    // systemd, Docker in Docker and crun put what they start in cgroups below.
    guard let found = process.cgroup, path.contains(found) else {
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

  /// What hooks of the runtime have left behind.
  private func leftGaps(
    _ process: ProcessView, _ cgroup: Cgroup, _ profile: Profile
  ) throws(EnforcementError) -> [Gap] {
    let left: LeftProcesses?
    do throws(Errno) { left = try LeftProcesses.beside(process.pid, in: cgroup) } catch {
      throw .noCgroup(path: cgroup.directory, error)
    }
    // Network rules and filters hold whoever is there.
    guard let left, !profile.lostProcessRules(because: "").isEmpty else { return [] }
    let error = EnforcementError.processesLeft(left)
    guard profile.failurePolicy == .ignore || profile.mode == .audit else { throw error }
    return [profile.lostProcesses(because: error.description)]
  }

  private func filterGaps(
    _ process: ProcessView, _ profile: Profile, _ expectsFilter: Bool
  ) throws(EnforcementError) -> [Gap] {
    guard let missing = missingFilter(process, profile, expectsFilter) else { return [] }
    guard profile.failurePolicy == .ignore else {
      throw expectsFilter ? .notFiltered(pid: process.pid) : .noFilterRequired(pid: process.pid)
    }
    return [missing]
  }

  private func missingFilter(_ process: ProcessView, _ profile: Profile, _ expectsFilter: Bool) -> Gap? {
    guard expectsFilter || profile.requireFilter,
      !filterIsActive(statusText: process.status, parent: process.parentStatus)
    else { return nil }
    return profile.lostFilter(
      expectsFilter ? "seccomp" : "requireFilter", because: "process \(process.pid) has no seccomp filter",
      remedy: expectsFilter
        ? "see why the runtime ignored it, or which plugin removed it; one that ran before Stockade has to be started anew"
        : "give the pod a seccompProfile")
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
