import BPF
import Compilation
import Enforcement
import Policy
import Synchronization
import System

/// A kernel that writes down what it is asked for, and refuses the steps that it is told to.
package final class FakeBackend: EnforcementBackend {
  package let tier: Tier
  package var claim: TierClaim {
    during.read { $0["claim"] }?()
    return TierClaim(tier: tier)
  }
  package func checkClaim() throws(BackendError) -> String? { nil }
  /// What `mend` finds.
  package let check = Mutex(PinsCheck.inCharge([]))
  /// What `mendNetwork` finds.
  package let networkDamage = Mutex<Damage?>(nil)
  package func mend() -> PinsCheck { check.withLock { $0 } }
  /// At containers.
  package let looks = Atomic(0)
  package func mendNetwork(_ cgroup: Cgroup) -> Damage? {
    looks.add(1, ordering: .relaxed)
    return networkDamage.withLock { $0 }
  }
  package func fills() throws(BackendError) -> [MapFill] { [] }
  package func sweepStrays() throws(BackendError) { try step("sweep strays") }
  package let networkProblem: String? = nil
  package let memoryProblem: String? = nil
  private struct State {
    var steps: [String] = []
    var refused: Set<String> = []
    var refusedOnce: Set<String> = []
    var rows: [CgroupID: ContainerEntry] = [:]
    var gates: [CgroupID: GateState] = [:]
    var sandboxes: [CgroupID: SandboxEntry] = [:]
    var nodeGateIsClosed = false
    var exempt: Set<String> = []
    var policies: Set<Revision> = []
    var attached: Set<CgroupID> = []
    var hasStrays = false
    var unbound: Set<CgroupID> = []
  }
  private let state = Mutex(State())

  package init(tier: Tier = .lsm) { self.tier = tier }

  package var steps: [String] { state.withLock { $0.steps } }
  package var rows: [CgroupID: ContainerEntry] { state.withLock { $0.rows } }
  package var gateStates: [CgroupID: GateState] { state.withLock { $0.gates } }
  package var policies: Set<Revision> { state.withLock { $0.policies } }
  package var attached: Set<CgroupID> { state.withLock { $0.attached } }

  package func refuse(_ steps: String...) { state.withLock { $0.refused = Set(steps) } }

  /// The step fails at its next time, and no more.
  package func refuseOnce(_ step: String) { state.withLock { _ = $0.refusedOnce.insert(step) } }

  private let during = Monitor<[String: @Sendable () -> Void]>([:])

  /// Calls `body` each time that the step is taken.
  package func during(_ step: String, _ body: @escaping @Sendable () -> Void) { during.withLock { $0[step] = body } }

  private func step(_ name: String, _ change: (inout State) -> Void = { _ in }) throws(BackendError) {
    during.read { $0[name] }?()
    try state.withLock { (state) throws(BackendError) in
      if state.refusedOnce.remove(name) != nil || state.refused.contains(name) {
        throw BackendError(message: "cannot \(name): operation not permitted", reason: "operation not permitted")
      }
      state.steps.append(name)
      change(&state)
    }
  }

  package func containers() throws(BackendError) -> [ContainerEntry] { Array(rows.values) }
  package func container(_ cgroupID: CgroupID) throws(BackendError) -> ContainerEntry? { rows[cgroupID] }
  package func put(_ container: ContainerEntry) throws(BackendError) {
    let names: [ContainerEntry.State: String] = [.closed: "close", .open: "open", .gate: "gate"]
    try step(names[container.state]!) { $0.rows[container.cgroupID] = container }
  }
  package func remove(_ cgroupID: CgroupID) throws(BackendError) { try step("remove") { $0.rows[cgroupID] = nil } }
  package func setVolumes(_ cgroupID: CgroupID, _ volumes: [Volume]) throws(BackendError) { try step("volumes") }
  package func look(at file: FileDescriptor, rootDevice: UInt32) throws(BackendError) -> FileLook {
    try step("look")
    return FileLook(isOfImage: true, isRoot: true)
  }
  package func removeVolumes(except cgroups: Set<CgroupID>) throws(BackendError) {}
  package func beginRecording(_ cgroupID: CgroupID, _ detail: RecordingDetail) throws(BackendError) {
    try step("record")
  }
  package func stopRecording(_ cgroupID: CgroupID) throws(BackendError) { try step("stop recording") }

  package func setEntrypoint(_ cgroupID: CgroupID, _ entrypoint: ProcessIdentity) throws(BackendError) {
    try step("entrypoint")
  }
  package func gates() throws(BackendError) -> [CgroupID: GateState] { gateStates }
  package func gate(_ podID: CgroupID) throws(BackendError) -> GateState? { gateStates[podID] }
  package func sandbox(_ podID: CgroupID) throws(BackendError) -> SandboxEntry? {
    state.withLock { $0.sandboxes[podID] }
  }
  package func sandboxes() throws(BackendError) -> [CgroupID: SandboxEntry] { state.withLock { $0.sandboxes } }
  package func replaceSandbox(_ podID: CgroupID, _ sandbox: SandboxEntry) throws(BackendError) {
    state.withLock { state in if state.sandboxes[podID] != nil { state.sandboxes[podID] = sandbox } }
  }
  package func setGate(
    _ podID: CgroupID, _ state: GateState, sandbox: SandboxEntry?
  ) throws(BackendError) {
    try step("gate") {
      $0.gates[podID] = state
      $0.sandboxes[podID] = sandbox ?? $0.sandboxes[podID] ?? SandboxEntry(firstChild: .awaited)
    }
  }
  package func nodeGateIsClosed() throws(BackendError) -> Bool { state.withLock { $0.nodeGateIsClosed } }
  package func isExempt(podUID: String) throws(BackendError) -> Bool { state.withLock { $0.exempt.contains(podUID) } }
  package var sandboxIDs: Set<CgroupID> { state.withLock { Set($0.sandboxes.keys) } }
  /// As somebody left it who was ended before he wrote the gate.
  package func setSandbox(_ podID: CgroupID, _ sandbox: SandboxEntry) {
    state.withLock { $0.sandboxes[podID] = sandbox }
  }
  package func closeNodeGate(exempt: Set<String> = []) {
    state.withLock { ($0.nodeGateIsClosed, $0.exempt) = (true, exempt) }
  }
  package func removeGate(_ podID: CgroupID) throws(BackendError) {
    try step("remove gate") {
      $0.gates[podID] = nil
      $0.sandboxes[podID] = nil
    }
  }
  package func install(_ policy: CompiledPolicy, revision: Revision) throws(BackendError) {
    try step("install") { $0.policies.insert(revision) }
  }
  package func revisions() throws(BackendError) -> Set<Revision> { policies }
  package func removePolicies(_ revisions: Set<Revision>) throws(BackendError) {
    try step("remove policy") { $0.policies.subtract(revisions) }
  }
  package func removePolicies(except revisions: Set<Revision>) throws(BackendError) {
    try step("remove policies") { $0.policies.formIntersection(revisions) }
  }
  package func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(BackendError) {
    try step("attach") { if !needs.isEmpty { $0.attached.insert(cgroup.id) } }
  }
  package func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(BackendError) {
    try step("trim") { if needs.isEmpty { $0.attached.remove(cgroup.id) } }
  }
  package func detachNetwork(_ cgroupID: CgroupID) throws(BackendError) {
    try step("detach") { $0.attached.remove(cgroupID) }
  }
  package func networkCgroups() throws(BackendError) -> [CgroupID] { Array(attached) }
  package func hasStrays() throws(BackendError) -> Bool { state.withLock { $0.hasStrays } }
  package func setStrays(_ hasStrays: Bool) { state.withLock { $0.hasStrays = hasStrays } }
  package func markRunningTasks() throws(BackendError) -> Set<CgroupID> {
    try step("mark")
    return state.withLock { $0.unbound }
  }
  /// Containers with a task that there is no memory to mark.
  package func setUnbound(_ cgroupIDs: Set<CgroupID>) { state.withLock { $0.unbound = cgroupIDs } }
  package func removeAll() throws(BackendError) { try step("remove all") }
}
