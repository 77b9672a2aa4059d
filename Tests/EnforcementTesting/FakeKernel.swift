import BPF
import CStockade
import Enforcement
import Policy
import Synchronization

/// A kernel that writes down what it is asked for, and refuses the steps that it is told to.
package final class FakeKernel: PolicyKernel {
  package let tier = Tier.signal
  package let networkProblem: String? = nil
  private struct State {
    var steps: [String] = []
    var refused: Set<String> = []
    var refusedOnce: Set<String> = []
    var rows: [UInt64: stockade_container] = [:]
    var policies: Set<UInt64> = []
    var attached: Set<UInt64> = []
    var hasStrays = false
  }
  private let state = Mutex(State())

  package init() {}

  package var steps: [String] { state.withLock { $0.steps } }
  package var rows: [UInt64: stockade_container] { state.withLock { $0.rows } }
  package var policies: Set<UInt64> { state.withLock { $0.policies } }
  package var attached: Set<UInt64> { state.withLock { $0.attached } }

  package func refuse(_ steps: String...) { state.withLock { $0.refused = Set(steps) } }

  /// The step fails at its next time, and no more.
  package func refuseOnce(_ step: String) { state.withLock { _ = $0.refusedOnce.insert(step) } }

  private func step(_ name: String, _ change: (inout State) -> Void = { _ in }) throws(KernelError) {
    try state.withLock { (state) throws(KernelError) in
      if state.refusedOnce.remove(name) != nil || state.refused.contains(name) {
        throw KernelError(message: "cannot \(name): operation not permitted", reason: "operation not permitted")
      }
      state.steps.append(name)
      change(&state)
    }
  }

  package func containers() throws(KernelError) -> [stockade_container] { Array(rows.values) }
  package func container(_ cgroupID: UInt64) throws(KernelError) -> stockade_container? { rows[cgroupID] }
  package func put(_ container: stockade_container) throws(KernelError) {
    let names = [STOCKADE_CLOSED.rawValue: "close", STOCKADE_OPEN.rawValue: "open", STOCKADE_GATE.rawValue: "gate"]
    try step(names[container.state]!) { $0.rows[container.cgroup_id] = container }
  }
  package func remove(_ cgroupID: UInt64) throws(KernelError) { try step("remove") { $0.rows[cgroupID] = nil } }
  package func setEntrypoint(_ cgroupID: UInt64, _ entrypoint: stockade_entrypoint) throws(KernelError) {
    try step("entrypoint")
  }
  package func install(_ policy: CompiledPolicy, revision: UInt64) throws(KernelError) {
    try step("install") { $0.policies.insert(revision) }
  }
  package func revisions() throws(KernelError) -> Set<UInt64> { policies }
  package func removePolicy(_ revision: UInt64) throws(KernelError) {
    try step("remove policy") { $0.policies.remove(revision) }
  }
  package func removePolicies(except revisions: Set<UInt64>) throws(KernelError) {
    try step("remove policies") { $0.policies.formIntersection(revisions) }
  }
  package func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(KernelError) {
    try step("attach") { if !needs.isEmpty { $0.attached.insert(cgroup.id) } }
  }
  package func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(KernelError) {
    try step("trim") { if needs.isEmpty { $0.attached.remove(cgroup.id) } }
  }
  package func detachNetwork(_ cgroupID: UInt64) throws(KernelError) {
    try step("detach") { $0.attached.remove(cgroupID) }
  }
  package func networkCgroups() throws(KernelError) -> [UInt64] { Array(attached) }
  package func hasStrays() throws(KernelError) -> Bool { state.withLock { $0.hasStrays } }
  package func setStrays(_ hasStrays: Bool) { state.withLock { $0.hasStrays = hasStrays } }
  package func markRunningTasks() throws(KernelError) { try step("mark") }
  package func removeAll() throws(KernelError) { try step("remove all") }
}
