import BPF
import Compilation
import Policy
import Synchronization
import System

/// The kernel by way of BPF: the best tier that can be proved, and the network programs.
package final class BPFBackend: EnforcementBackend {
  package let tier: Tier
  package var claim: TierClaim { watch.withLock { $0.claim } }
  private let watch: Mutex<ClaimWatch>
  /// nil: network rules can be attached; else why not.
  package let networkProblem: String?
  /// nil: containers cannot reach what belongs to this process, as far as the tier can keep them from it; else why not.
  package let protectionProblem: String?
  /// Whether there were pins of an earlier layout.
  package var tookOver: Bool { policy.tookOver }
  /// nil: no container can use up the memory that the kernel needs to bind other containers; else why one can.
  package let memoryProblem: String?
  private let policy: PolicyMaps
  private let cgroupRoot: String
  /// The cgroup of the self-tests.
  private let probe: CgroupID
  /// Those that this process has loaded.
  private let syscalls = Mutex<SyscallPrograms?>(nil)
  private let network: (programs: NetworkPrograms, tables: NetworkTables)?
  private let pinFolder: String
  /// What is protected is written by one thread at a time.
  private let protecting = Mutex(())
  private let care = Mutex(Care.ours)
  /// Who looks after the pins, as the last look found it.
  private enum Care {
    case ours
    /// A newer process does.
    case replaced
    /// This process does again, after a newer one did. What the newer process put in place of ours is no damage.
    case backAgain
    /// Nobody does: this process has taken the pins away.
    case nobody
  }

  /// Loads, attaches and pins everything, and proves the tier.
  ///
  /// - Throws: `BPFError` if tasks cannot be followed or no tier can be had. Then nothing of this is left, unless
  ///   containers of an earlier process are still bound.
  package init(
    pinFolder: String, runtimeMountNamespace: UInt64, hierarchy: CgroupHierarchy
  ) throws(BPFError) {
    guard let root = hierarchy.root else { throw .unavailable(CgroupHierarchy.noneText) }
    cgroupRoot = root
    self.pinFolder = pinFolder
    let memory = MemoryRoot.found
    do {
      policy = try PolicyMaps(
        pinFolder: pinFolder, runtimeMountNamespace: UInt32(truncatingIfNeeded: runtimeMountNamespace),
        cgroupV1: hierarchy.layout == .v1, makers: memory.procs)
    } catch {
      // Pins that cannot be taken over belong to another version.
      switch error {
      case .layout, .newerLayout: break
      default: PolicyMaps.removeUnused(pinFolder: pinFolder)
      }
      BPFObject.freeLoadMemory()
      throw error
    }
    let choice: TierChoice
    do {
      choice = try TierChoice(policy, cgroupRoot: root)
      try policy.note(execsCanPass: choice.claim.execProblem != nil)
    } catch {
      if policy.bindsNothing, policy.becomeOnlyUser() { try? policy.unpinAll() }
      BPFObject.freeLoadMemory()
      throw error
    }
    (tier, probe) = (choice.tier, choice.probe)
    watch = Mutex(ClaimWatch(claim: choice.claim, needsCooperation: choice.needsCooperation))
    let network: (NetworkPrograms, NetworkTables)?
    (network, networkProblem) = Self.network(policy, pinFolder, hierarchy)
    self.network = network
    // If there are no network programs, those of an earlier Stockade go on. The earlier Stockade's other programs write
    // the maps that they use.
    try policy.endTakeOver(isComplete: network != nil || hierarchy.layout == .v1)
    memoryProblem = policy.shared.makingProblem ?? memory.problem
    // This comes last, because it names everything that was loaded.
    protectionProblem = Self.protect(policy.shared, pinFolder)
    BPFObject.freeLoadMemory()
  }

  private static func network(
    _ policy: PolicyMaps, _ pinFolder: String, _ hierarchy: CgroupHierarchy
  ) -> (programs: (NetworkPrograms, NetworkTables)?, problem: String?) {
    guard hierarchy.layout != .v1, let root = hierarchy.root else {
      return (nil, CgroupHierarchy.noV2Text)
    }
    do {
      let programs = try NetworkPrograms(shared: policy.shared, pinFolder: pinFolder, rootCgroupPath: root)
      _ = try programs.adopt(flowsOfBefore: try policy.formerMap("flows"))
      return ((programs, try NetworkTables(shared: policy.shared)), nil)
    } catch { return (nil, "\(error)") }
  }

  /// Keeps containers away from the things with which they could undo their confinement.
  private static func protect(_ shared: SharedMaps, _ pinFolder: String) -> String? {
    let folders: [String: SelfProtection.Protection] = [
      pinFolder: .hidden, "/run/stockade": .hidden, "/etc/stockade": .kept, "/etc/nri": .kept,
      "/opt/nri/plugins": .kept,
    ]
    do {
      try SelfProtection(shared: shared)?.start(folders: folders)
      return nil
    } catch { return "\(error)" }
  }

  /// Loads what tells which calls seccomp filters stop, which takes its time. Containers may run already.
  ///
  /// - Throws: also if it cannot be kept from containers as all else is.
  package func syscallPrograms(onlyTrampoline: Bool = false) throws(BPFError) -> SyscallPrograms {
    defer { BPFObject.freeLoadMemory() }
    let programs = try policy.syscallPrograms(onlyTrampoline: onlyTrampoline)
    if protectionProblem == nil {
      try protecting.withLock { (_) throws(BPFError) in try SelfProtection(shared: policy.shared)?.addObjects() }
    }
    syscalls.withLock { $0 = programs }
    return programs
  }

  /// Loads what notes system calls and capabilities of recorded containers, and attaches it as long as it is held.
  package func recordingPrograms() -> RecordingPrograms {
    defer { BPFObject.freeLoadMemory() }
    return policy.recordingPrograms()
  }

  /// The reader of the kernel's events; one in a process.
  package func eventReader() throws(BPFError) -> EventReader { try EventReader(shared: policy.shared, ignored: probe) }

  /// What the kernel counts of the programs on which the claim depends.
  package func runs() throws(BPFError) -> [ProgramRuns] { try policy.runs() }

  /// A crowd tries to get past the tier: `TierProbe.race`.
  package func race(seconds: UInt32) throws(BPFError) -> RaceCounts {
    try TierProbe(cgroupRoot: cgroupRoot).race(policy, seconds: seconds)
  }

  /// Many processes try to get past the tier at once: `TierProbe.crowd`.
  package func crowd(of count: UInt32, memoryProcs: String?) throws(BPFError) -> RaceCounts {
    try TierProbe(cgroupRoot: cgroupRoot).crowd(policy, of: count, memoryProcs: memoryProcs)
  }

  package func checkClaim() throws(BackendError) -> String? {
    let runs = try kernel { () throws(BPFError) in try policy.runs() }
    guard let found = watch.withLock({ $0.check(runs, .current()) }) else { return nil }
    try? policy.note(execsCanPass: true)
    return found
  }

  package func mend() -> PinsCheck {
    if care.withLock({ $0 == .nobody }) { return .inCharge([]) }
    do {
      guard try policy.isInCharge() else {
        leaveToPins()
        return .replaced
      }
    } catch { return .inCharge([Damage(.maps, problem: error.description)]) }
    care.withLock { $0 = $0 == .replaced ? .backAgain : .ours }
    var found = policy.mend() + [network?.programs.mendStrays(isInCharge: isInCharge)].compactMap { $0 }
    if !found.isEmpty { protectAgain(&found) }
    return .inCharge(found.filter(isDamage))
  }

  private func isInCharge() -> Bool { (try? policy.isInCharge()) == true }

  private func isDamage(_ found: Damage) -> Bool { found.problem != nil || care.withLock { $0 == .ours } }

  private func leaveToPins() {
    care.withLock { $0 = .replaced }
    policy.letGo()
    network?.programs.letGo()
  }

  /// Pins and folders that were made again have other inodes.
  private func protectAgain(_ found: inout [Damage]) {
    guard protectionProblem == nil else { return }
    guard let problem = protecting.withLock({ _ in Self.protect(policy.shared, pinFolder) }) else { return }
    found[0].problem = found[0].problem ?? problem
  }

  package func mendNetwork(_ cgroup: Cgroup) -> Damage? {
    if care.withLock({ $0 == .replaced || $0 == .nobody }) { return nil }
    let found = network?.programs.mend(cgroupPath: cgroup.directory, cgroupID: cgroup.id, isInCharge: isInCharge)
    return found.flatMap { isDamage($0) ? $0 : nil }
  }

  package func counters() throws(BPFError) -> KernelCounters {
    var counters = try policy.counters()
    counters[.syscallsUnseen] = try syscalls.withLock { $0 }?.skipped() ?? 0
    return counters
  }

  package func containers() throws(BackendError) -> [ContainerEntry] {
    try kernel { () throws(BPFError) in try policy.containers() }
  }

  package func container(_ cgroupID: CgroupID) throws(BackendError) -> ContainerEntry? {
    try kernel { () throws(BPFError) in try policy.container(cgroupID) }
  }

  package func put(_ container: ContainerEntry) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.put(container) }
  }

  package func remove(_ cgroupID: CgroupID) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.removeContainer(cgroupID) }
  }

  package func setVolumes(_ cgroupID: CgroupID, _ volumes: [Volume]) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.setVolumes(cgroupID, volumes) }
  }

  package func look(at file: FileDescriptor, rootDevice: UInt32) throws(BackendError) -> FileLook {
    try kernel { () throws(BPFError) in try policy.look(at: file, rootDevice: rootDevice) }
  }

  package func removeVolumes(except cgroups: Set<CgroupID>) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.removeVolumes(except: cgroups) }
  }

  package func setEntrypoint(_ cgroupID: CgroupID, _ entrypoint: ProcessIdentity) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.setEntrypoint(cgroupID, entrypoint) }
  }

  package func beginRecording(_ cgroupID: CgroupID, _ detail: RecordingDetail) throws(BackendError) {
    try kernel { () throws(BPFError) in
      try policy.recordings.begin(cgroupID, withArguments: detail == .factsWithArguments)
    }
  }

  package func stopRecording(_ cgroupID: CgroupID) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.recordings.stop(cgroupID) }
  }

  package var recordings: Recordings { policy.recordings }

  package func gates() throws(BackendError) -> [CgroupID: GateState] {
    try kernel { () throws(BPFError) in try policy.gateStates() }
  }

  package func gate(_ podID: CgroupID) throws(BackendError) -> GateState? {
    try kernel { () throws(BPFError) in try policy.gate(podID) }
  }

  package func sandbox(_ podID: CgroupID) throws(BackendError) -> SandboxEntry? {
    try kernel { () throws(BPFError) in try policy.sandbox(podID) }
  }

  package func sandboxes() throws(BackendError) -> [CgroupID: SandboxEntry] {
    try kernel { () throws(BPFError) in try policy.sandboxes() }
  }

  package func replaceSandbox(_ podID: CgroupID, _ sandbox: SandboxEntry) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.replaceSandbox(podID, sandbox) }
  }

  package func setGate(
    _ podID: CgroupID, _ state: GateState, sandbox: SandboxEntry?
  ) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.setGate(podID, state, sandbox: sandbox) }
  }

  package func removeGate(_ podID: CgroupID) throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.removeGate(podID) }
  }

  package func nodeGateIsClosed() throws(BackendError) -> Bool {
    try kernel { () throws(BPFError) in try policy.nodeGate.isClosed }
  }

  package func isExempt(podUID: String) throws(BackendError) -> Bool {
    try kernel { () throws(BPFError) in try policy.nodeGate.isExempt(podUID) }
  }

  package var nodeGate: NodeGate { policy.nodeGate }

  package func install(_ compiled: CompiledPolicy, revision: Revision) throws(BackendError) {
    try kernel { () throws(BPFError) in
      // The policy comes last: it must never be found before what it refers to.
      try network?.tables.install(compiled, revision: revision)
      do throws(BPFError) { try policy.install(compiled, revision: revision) } catch {
        try? network?.tables.remove([revision])
        throw error
      }
    }
  }

  package func revisions() throws(BackendError) -> Set<Revision> {
    try kernel { () throws(BPFError) in try policy.revisions() }
  }

  package func removePolicies(_ revisions: Set<Revision>) throws(BackendError) {
    try kernel { () throws(BPFError) in
      try policy.removePolicies(revisions)
      try network?.tables.remove(revisions)
    }
  }

  package func removePolicies(except revisions: Set<Revision>) throws(BackendError) {
    try kernel { () throws(BPFError) in
      try policy.removePolicies(except: revisions)
      try network?.tables.removeOrphans(keeping: revisions)
    }
  }

  package func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(BackendError) {
    try kernel { () throws(BPFError) in
      try network?.programs.attach(cgroupPath: cgroup.directory, cgroupID: cgroup.id, needs: needs)
    }
  }

  package func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(BackendError) {
    try kernel { () throws(BPFError) in
      try network?.programs.update(cgroupPath: cgroup.directory, cgroupID: cgroup.id, needs: needs)
    }
  }

  package func detachNetwork(_ cgroupID: CgroupID) throws(BackendError) {
    try kernel { () throws(BPFError) in try network?.programs.detach(cgroupID: cgroupID) }
  }

  package func networkCgroups() throws(BackendError) -> [CgroupID] {
    try kernel { () throws(BPFError) in try network?.programs.attachedCgroupIDs() ?? [] }
  }

  package func fills() throws(BackendError) -> [MapFill] {
    try kernel { () throws(BPFError) in try policy.fills() + (network?.tables.fills() ?? []) }
  }

  package func sweepStrays() throws(BackendError) {
    try kernel { () throws(BPFError) in try policy.sweepStrays() }
  }

  package func hasStrays() throws(BackendError) -> Bool {
    try kernel { () throws(BPFError) in try policy.hasStrays() }
  }

  package func markRunningTasks() throws(BackendError) -> Set<CgroupID> {
    try kernel { () throws(BPFError) in try policy.markRunningTasks() }
  }

  package func removeAll() throws(BackendError) {
    // The next Stockade may have begun already: then everything belongs to it.
    guard policy.becomeOnlyUser() else { return }
    care.withLock { $0 = .nobody }
    try kernel { () throws(BPFError) in
      try network?.programs.removeAll()
      try policy.unpinAll()
    }
  }
}

private func kernel<Result>(_ body: () throws(BPFError) -> Result) throws(BackendError) -> Result {
  do { return try body() } catch {
    if case .system(let errno) = error { throw BackendError(message: errno.description, reason: errno.reason) }
    throw BackendError(message: error.description, reason: error.description)
  }
}
