import BPF
import Glibc
import Policy
import Synchronization
import System

/// What the kernel holds of containers and pods, and what the node can enforce. The files Enforcer+….swift have a
/// concern each.
///
/// Any thread may call it. One lock guards the table. The start of a container waits for that lock, so the lock is held
/// for one container's kernel calls at a time. Exceptions are the end, and what the runtime itself waits for
/// (`inherit`, `settle`).
package final class Enforcer: Sendable {
  package let hierarchy: CgroupHierarchy
  /// The tier whose programs run; `claim` says what it enforces.
  package let tier: Tier
  let runtimeMountNamespace: UInt64
  let kernel: (any EnforcementBackend)?
  private let noKernelReason: String
  let table: LockedTable?
  /// For events. A thread that asks the index waits for no decision.
  package let subjects = SubjectIndex()
  /// What `mend` could not put right.
  let missing = Mutex<String?>(nil)
  let turns = Mutex(LookTurns())
  private let watch = CgroupWatch()
  let images = KnownImages()
  /// Held by who changes a temporary audit.
  let auditTurn = Mutex<Void>(())
  let tallied = Mutex(Tally())

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
    let subjects = subjects
    table = kernel.map { LockedTable(ConfinementTable(kernel: $0, subjects: subjects)) }
  }

  package var claim: TierClaim { capabilities.claim }

  /// What profiles are judged by. `checkClaim` can change it.
  package var capabilities: NodeCapabilities { kernel?.capabilities ?? .none(because: noKernelReason) }

  /// Looks for what refutes the claim, and lowers it.
  ///
  /// - Returns: what was found; nil: nothing since the last time.
  package func checkClaim() throws(BackendError) -> String? { try kernel?.checkClaim() }

  /// What containers that start now are judged by. If something that the claim rests on is missing and cannot be mended
  /// at the moment, the node enforces nothing.
  package var presentCapabilities: NodeCapabilities {
    guard let missing = missing.withLock({ $0 }) else { return capabilities }
    return .none(because: "stockade's own are not as it left them: \(missing)")
  }

  /// How full the kernel's tables are.
  package func fills() throws(BackendError) -> [MapFill] { try kernel?.fills() ?? [] }

  /// Forgets strays that have ended without being seen by a program.
  package func sweepStrays() throws(BackendError) { try kernel?.sweepStrays() }

  /// A sandbox, as RunPodSandbox describes it.
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

  /// The sandbox's own process. It runs before the runtime reports the sandbox.
  package enum SandboxProcess: Equatable, Sendable {
    case pid(UInt32)
    /// The runtime has started none for this sandbox.
    case none
    /// The runtime has started no process, or the process has ended. The runtime does not say which.
    case noneOrOver
    /// The runtime names no process: the process has ended, or there is none.
    case unknown
  }

  /// Whether this node's pods can have gates.
  package var hasGates: Bool { table != nil && tier >= .signal && hierarchy.root != nil }

  /// Closes the gate of a sandbox's pod.
  ///
  /// - Returns: how many execs the pod's gate has refused since the number was last told; nil: the pod has no cgroup of
  ///   its own, or the tier has no gates.
  package func closeGate(_ sandbox: Sandbox) throws(EnforcementError) -> UInt32? {
    guard hasGates, let table, let pod = try podCgroup(sandbox) else { return nil }
    let (known, cgroup) = try known(sandbox, in: pod)
    return try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) {
        // If the kernel follows a sandbox, that one has a process, and the next one will have one too.
        let isFollowed = try table.followsSandbox(pod)
        let refused = try table.closeGate(
          sandbox: sandbox.id, ConfinementTable.Gate(cgroup: pod, subject: sandbox.subject),
          sandbox.process == .noneOrOver && isFollowed ? nil : known)
        if let cgroup, (try? cgroup.isEmpty()) != false { try table.sandboxEnded(cgroup, in: pod.id) }
        return refused
      } catch { throw .kernel(error) }
    }
  }

  /// nil: the pod has no cgroup of its own.
  private func podCgroup(_ sandbox: Sandbox) throws(EnforcementError) -> Cgroup? {
    guard let root = hierarchy.root,
      let path = CgroupPath(pod: sandbox.subject.podUID, cgroupParent: sandbox.cgroupParent)
    else { return nil }
    do { return try Cgroup(path, in: root) } catch {
      if error.code == ENOENT { return nil }
      throw .noCgroup(path: root + path.path, error)
    }
  }

  /// The sandbox's entry for the kernel, with the cgroup of the sandbox's process. nil: what the kernel already knows
  /// is better.
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

  /// Ends the gate that a sandbox's pod has, because the pod needs none.
  package func openGate(_ sandbox: Sandbox) throws(EnforcementError) {
    guard hasGates, let table, let pod = try podCgroup(sandbox) else { return }
    try table.withLock { (table) throws(EnforcementError) in
      do throws(BackendError) { try table.openGate(pod) } catch { throw .kernel(error) }
    }
  }

  /// Closes or opens the node gate as the configuration wants it.
  ///
  /// - Returns: what was done; nil: the gate was already as wanted.
  package func setNodeGate(_ wanted: NodeConfiguration.NodeGate) throws(EnforcementError) -> NodeGate.Record? {
    guard let gate = nodeGate, let root = hierarchy.root else {
      guard wanted.enabled else { return nil }
      throw .nodeGate("no BPF programs could be loaded: \(claim.reason)")
    }
    let closing = NodeGateClosing(gate, root: root)
    do {
      guard wanted.enabled else {
        guard wanted.isSaid, try gate.isClosed else { return nil }
        try closing.open()
        return .now(.opened, "the configuration asks for it")
      }
    } catch { throw .bpf(error) }
    // Also if the gate is closed already: at this tier it may hold nothing back.
    if let problem = NodeGateClosing.problem(claim) { throw .nodeGate(problem) }
    do { if try closing.isDone(wanted) { return nil } } catch { throw .bpf(error) }
    _ = try closing.close(wanted)
    return .now(.closed, "the configuration asks for it")
  }

  private var nodeGate: NodeGate? { (kernel as? BPFBackend)?.nodeGate }

  /// The runtime has removed a sandbox. Its pod's gate ends with the pod's cgroup, or by `openGoneGates`.
  package func forgetSandbox(_ sandbox: String) { table?.withLock { $0.forgetSandbox(sandbox) } }

  /// Takes over what an earlier process left in force. Called before the runtime says what runs, which it may never do.
  package func inherit() throws(BackendError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(BackendError) in
      try table.inherit(root: root)
      try table.noteInheritedAudits()
      try bindRunning(&table)
    }
  }

  /// After a Synchronize: marks what runs, and settles everything that no listed container accounts for.
  ///
  /// - Parameter unsoftened: the profiles whose containers have no temporary audit.
  package func settle(sandboxes: Set<String>, unsoftened: Set<String> = []) throws(BackendError) {
    guard let table, let root = hierarchy.root else { return }
    try table.withLock { (table) throws(BackendError) in
      for sandbox in table.podOfSandbox.keys where !sandboxes.contains(sandbox) { table.forgetSandbox(sandbox) }
      var failure: BackendError?
      do throws(BackendError) {
        try table.settleLeftovers(root: root)
        try table.noteInheritedAudits()
        try table.endAudits(ofProfiles: unsoftened)
      } catch { failure = error }
      try bindRunning(&table)
      if let failure { throw failure }
    }
  }

  /// If a container's tasks cannot be bound, the adoptions of the other containers end all the same.
  private func bindRunning(_ table: inout ConfinementTable) throws(BackendError) {
    var failure: BackendError?
    do { try table.bindRunning() } catch { failure = error }
    try table.endAdoptions()
    if let failure { throw failure }
  }

  /// Ends the gates of pods that are gone, or that have neither a sandbox nor a process. Also ends what keeps a pod's
  /// next sandbox out. The lock is held for one gate at a time, because the start of a container waits for it.
  package func openGoneGates() throws(BackendError) {
    guard let kernel, let table, let root = hierarchy.root else { return }
    let gates = table.withLock { Array($0.gates.values) }
    let unused = watch.unused(among: gates.map(\.cgroup))
    for gate in gates where unused.contains(gate.cgroup.id) && gate.isOver {
      try table.withLock { (table) throws(BackendError) in try table.removeGate(gate) }
    }
    let found = try UnusedClaim.all(of: kernel, root: root, watch)
    for claim in table.withLock({ $0.overdueClaims(found) }) {
      try table.withLock { (table) throws(BackendError) in try table.endClaim(claim) }
    }
  }

  /// Ids of the containers in the table.
  package var containerIDs: [String] { table?.withLock { Array($0.entries.keys) } ?? [] }

  package func entry(_ containerID: String) -> ConfinementTable.Entry? {
    table?.withLock { $0.entries[containerID] }
  }

  /// The containers whose cgroup is gone or empty although the runtime did not say that they ended. Also those of which
  /// it said so, and processes were left.
  package var endedContainers: [String] {
    let known = table?.withLock { table in table.entries.map { (id: $0, cgroup: $1.cgroup, phase: $1.phase) } } ?? []
    let unused = watch.unused(among: known.filter { $0.phase != .closing }.map(\.cgroup))
    return known.filter { $0.phase == .closing || unused.contains($0.cgroup.id) }.map(\.id)
  }

  /// Takes everything out of the kernel if no container and no gate needs it any more.
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

}

/// The table behind its lock. A class, since an optional `Mutex` cannot be unwrapped without taking it out.
final class LockedTable: Sendable {
  private let mutex: Mutex<ConfinementTable>

  init(_ table: sending ConfinementTable) { mutex = Mutex(table) }

  func withLock<Result, Failure: Error>(
    _ body: (inout ConfinementTable) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    try mutex.withLock { (table) throws(Failure) in try body(&table) }
  }
}
