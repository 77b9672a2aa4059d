import CBPF
import CStockade
import System

/// The gates of pods, in the kernel. Below a closed gate nothing may exec but the pod's sandbox, and what was let
/// through. BPF programs follow which cgroup belongs to the sandbox, so a gate needs no care while its pod lives.
package final class PodGates: Sendable {
  /// These programs are attached as long as anything of Stockade's is attached.
  static let programs = ["pods_mkdir", "pods_populated", "pods_rmdir"]

  private let gates: MapAccess<CgroupID, stockade_gate>
  private let sandboxes: MapAccess<CgroupID, stockade_sandbox>
  private let entering: Entering

  /// Runs a write that makes a gate hold a process back. Everything that is needed for that is in place during the
  /// write.
  typealias Entering = @Sendable (_ write: () throws(BPFError) -> Void) throws(BPFError) -> Void

  init(
    gates: MapAccess<CgroupID, stockade_gate>, sandboxes: MapAccess<CgroupID, stockade_sandbox>,
    entering: @escaping Entering
  ) { (self.gates, self.sandboxes, self.entering) = (gates, sandboxes, entering) }

  package var isEmpty: Bool { get throws(BPFError) { try gates.isEmpty(zero: CgroupID(0)) } }

  /// The cgroup ids of pods, with the state of each gate.
  package func all() throws(BPFError) -> [CgroupID: GateState] {
    let found = try gates.elements(zero: (CgroupID(0), stockade_gate()))
    return Dictionary(found.map { ($0.key, GateState($0.value.state)) }) { $1 }
  }

  /// nil: the pod has no gate.
  package func state(_ pod: CgroupID) throws(BPFError) -> GateState? {
    try gates.value(pod, zero: stockade_gate()).map { GateState($0.state) }
  }

  package func sandbox(_ pod: CgroupID) throws(BPFError) -> SandboxEntry? {
    try sandboxes.value(pod, zero: stockade_sandbox()).map { SandboxEntry($0) }
  }

  package func allSandboxes() throws(BPFError) -> [CgroupID: SandboxEntry] {
    Dictionary(try sandboxes.elements(zero: (CgroupID(0), stockade_sandbox())).map { ($0.key, SandboxEntry($0.value)) })
    { $1 }
  }

  /// If the pod is gone, nothing is written.
  package func replace(_ pod: CgroupID, _ sandbox: SandboxEntry) throws(BPFError) {
    try sandboxes.replace(pod, sandbox.value)
  }

  /// - Parameter sandbox: nil: what the programs already know of the sandbox, or will find out.
  package func set(
    _ pod: CgroupID, _ state: GateState, sandbox: SandboxEntry? = nil
  ) throws(BPFError) {
    try entering { () throws(BPFError) in
      if let sandbox {
        try sandboxes.set(pod, sandbox.value)
      } else {
        try sandboxes.add(pod, stockade_sandbox())
      }
      try write(pod, state)
    }
  }

  /// Sets the state of a cgroup in which pods are made.
  package func setParent(_ id: CgroupID, _ state: GateState) throws(BPFError) {
    try entering { () throws(BPFError) in try write(id, state) }
  }

  private func write(_ id: CgroupID, _ state: GateState) throws(BPFError) {
    try gates.set(id, state.row(of: id))
  }

  /// A missing gate is success.
  package func remove(_ pod: CgroupID) throws(BPFError) {
    try gates.remove(pod)
    try sandboxes.remove(pod)
  }
}
