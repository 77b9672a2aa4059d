import BPF
import CStockade
import Enforcement
import Policy
import Synchronization

/// A kernel that writes down what it is asked for, and refuses the steps that it is told to.
final class FakeKernel: PolicyKernel {
  let tier = Tier.signal
  let networkProblem: String? = nil
  private struct State {
    var steps: [String] = []
    var refused: Set<String> = []
    var rows: [UInt64: stockade_container] = [:]
    var policies: Set<UInt64> = []
    var attached: Set<UInt64> = []
  }
  private let state = Mutex(State())

  var steps: [String] { state.withLock { $0.steps } }
  var rows: [UInt64: stockade_container] { state.withLock { $0.rows } }
  var policies: Set<UInt64> { state.withLock { $0.policies } }
  var attached: Set<UInt64> { state.withLock { $0.attached } }

  func refuse(_ steps: String...) { state.withLock { $0.refused = Set(steps) } }

  private func step(_ name: String, _ change: (inout State) -> Void = { _ in }) throws(KernelError) {
    try state.withLock { (state) throws(KernelError) in
      if state.refused.contains(name) {
        throw KernelError(message: "cannot \(name): operation not permitted", reason: "operation not permitted")
      }
      state.steps.append(name)
      change(&state)
    }
  }

  func containers() throws(KernelError) -> [stockade_container] { Array(rows.values) }
  func container(_ cgroupID: UInt64) throws(KernelError) -> stockade_container? { rows[cgroupID] }
  func put(_ container: stockade_container) throws(KernelError) {
    let names = [STOCKADE_CLOSED.rawValue: "close", STOCKADE_OPEN.rawValue: "open", STOCKADE_GATE.rawValue: "gate"]
    try step(names[container.state]!) { $0.rows[container.cgroup_id] = container }
  }
  func remove(_ cgroupID: UInt64) throws(KernelError) { try step("remove") { $0.rows[cgroupID] = nil } }
  func setEntrypoint(_ cgroupID: UInt64, _ entrypoint: stockade_entrypoint) throws(KernelError) {
    try step("entrypoint")
  }
  func install(_ policy: CompiledPolicy, revision: UInt64) throws(KernelError) {
    try step("install") { $0.policies.insert(revision) }
  }
  func removePolicy(_ revision: UInt64) throws(KernelError) {
    try step("remove policy") { $0.policies.remove(revision) }
  }
  func removePolicies(except revisions: Set<UInt64>) throws(KernelError) {
    try step("remove policies") { $0.policies.formIntersection(revisions) }
  }
  func attachNetwork(_ cgroup: Cgroup, needs: NetworkNeeds) throws(KernelError) {
    try step("attach") { if !needs.isEmpty { $0.attached.insert(cgroup.id) } }
  }
  func trimNetwork(_ cgroup: Cgroup, to needs: NetworkNeeds) throws(KernelError) {
    try step("trim") { if needs.isEmpty { $0.attached.remove(cgroup.id) } }
  }
  func detachNetwork(_ cgroupID: UInt64) throws(KernelError) { try step("detach") { $0.attached.remove(cgroupID) } }
  func networkCgroups() throws(KernelError) -> [UInt64] { Array(attached) }
  func markRunningTasks() throws(KernelError) { try step("mark") }
  func removeAll() throws(KernelError) { try step("remove all") }
}
