import CBPF
import CStockade
import System

/// The gates of pods, in the kernel: below a closed one nothing may exec but the pod's sandbox, and what was let
/// through. Which cgroup is the sandbox's is followed by programs, so a gate needs no care while its pod lives.
package final class PodGates: Sendable {
  /// Attached as long as anything of Stockade's is.
  static let programs = ["pods_mkdir", "pods_populated", "pods_rmdir"]

  private let gates: MapAccess<UInt64, stockade_gate>
  private let sandboxes: MapAccess<UInt64, stockade_sandbox>
  private let entering: Entering

  /// Runs a write after which somebody is held back, with all in place that this takes.
  typealias Entering = @Sendable (_ write: () throws(BPFError) -> Void) throws(BPFError) -> Void

  init(
    gates: MapAccess<UInt64, stockade_gate>, sandboxes: MapAccess<UInt64, stockade_sandbox>,
    entering: @escaping Entering
  ) { (self.gates, self.sandboxes, self.entering) = (gates, sandboxes, entering) }

  package var isEmpty: Bool { get throws(BPFError) { try gates.isEmpty(zero: 0) } }

  /// The cgroup ids of pods, with the state of each gate.
  package func all() throws(BPFError) -> [UInt64: stockade_gate_state] {
    let found = try gates.elements(zero: (0, stockade_gate()))
    return Dictionary(found.map { ($0.key, stockade_gate_state($0.value.state)) }) { $1 }
  }

  /// Whether there are cgroups in which pods are gated from their first moment on.
  var hasParents: Bool { get throws(BPFError) { try all().values.contains { $0.isParent } } }

  /// nil: the pod has no gate.
  package func state(_ pod: UInt64) throws(BPFError) -> stockade_gate_state? {
    try gates.value(pod, zero: stockade_gate()).map { stockade_gate_state($0.state) }
  }

  package func sandbox(_ pod: UInt64) throws(BPFError) -> stockade_sandbox? {
    try sandboxes.value(pod, zero: stockade_sandbox())
  }

  package func allSandboxes() throws(BPFError) -> [UInt64: stockade_sandbox] {
    Dictionary(try sandboxes.elements(zero: (0, stockade_sandbox())).map { ($0.key, $0.value) }) { $1 }
  }

  /// Of a pod that is gone nothing is written.
  package func replace(_ pod: UInt64, _ sandbox: stockade_sandbox) throws(BPFError) {
    try sandboxes.replace(pod, sandbox)
  }

  /// - Parameter sandbox: nil: what the programs know of it already, or will find out.
  package func set(
    _ pod: UInt64, _ state: stockade_gate_state, sandbox: stockade_sandbox? = nil
  ) throws(BPFError) {
    try entering { () throws(BPFError) in
      if let sandbox {
        try sandboxes.set(pod, sandbox)
      } else {
        try sandboxes.add(pod, stockade_sandbox())
      }
      try write(pod, state)
    }
  }

  /// Of a cgroup in which pods are made.
  package func setParent(_ id: UInt64, _ state: stockade_gate_state) throws(BPFError) {
    try entering { () throws(BPFError) in try write(id, state) }
  }

  private func write(_ id: UInt64, _ state: stockade_gate_state) throws(BPFError) {
    var gate = stockade_gate(cgroup_id: id, state: state.rawValue, check: 0)
    gate.check = stockade_gate_check(&gate)
    try gates.set(id, gate)
  }

  /// Missing is success.
  package func remove(_ pod: UInt64) throws(BPFError) {
    try gates.remove(pod)
    try sandboxes.remove(pod)
  }
}

extension stockade_gate_state {
  /// Of a cgroup in which pods are made.
  package var isParent: Bool { [STOCKADE_GATE_PARENT, STOCKADE_GATE_NEW_PARENT].contains(self) }
}
