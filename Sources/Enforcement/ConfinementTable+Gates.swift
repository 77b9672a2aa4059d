import CStockade
import Policy

/// The gate of a pod: nothing below its cgroup may exec unless it was let through at Start. It is pinned in the kernel,
/// so it holds while the plugin is away, when NRI itself would let every container start.
extension ConfinementTable {
  package struct Gate: Sendable {
    var cgroup: Cgroup
    /// The pod, for events.
    var subject: Subject
  }

  /// Closes the gate of a sandbox. Containers of the pod that run already must be entered first.
  ///
  /// - Parameter pause: the cgroup of the sandbox's own process, which is let through: the runtime has started it, and
  ///   its exec may still be to come.
  mutating func closeGate(sandbox: String, _ gate: Gate, pause: Cgroup?) throws(KernelError) {
    guard gates[sandbox] == nil else { return }
    if let pause { try admitPause(sandbox, gate.subject, pause) }
    // The same pod's earlier sandbox may still hold it: one entry in the kernel, two owners here.
    if !isGated(gate.cgroup.id) {
      try kernel.put(
        stockade_container(
          cgroup_id: gate.cgroup.id, revision: 0, state: STOCKADE_GATE.rawValue, root_device: 0, check: 0, pad: 0))
    }
    gates[sandbox] = gate
  }

  private mutating func admitPause(_ sandbox: String, _ subject: Subject, _ cgroup: Cgroup) throws(KernelError) {
    var subject = subject
    subject.containerID = sandbox
    do throws(EnforcementError) { try admit(subject, cgroup: cgroup) } catch {
      throw KernelError(message: error.description, reason: "")
    }
  }

  /// Ends the gate of a sandbox, and of no other one of the same pod.
  mutating func openGate(sandbox: String) throws(KernelError) {
    guard let gate = gates.removeValue(forKey: sandbox) else { return }
    if !isGated(gate.cgroup.id) { try kernel.remove(gate.cgroup.id) }
  }

  /// Ends the gates of pods whose cgroup is gone: the runtime does not tell of every pod's end. An inherited gate,
  /// whose sandbox is not known, ends when no process is left behind it.
  mutating func openGoneGates() throws(KernelError) {
    for (sandbox, gate) in gates where isOver(sandbox, gate) { try openGate(sandbox: sandbox) }
  }

  private func isOver(_ sandbox: String, _ gate: Gate) -> Bool {
    if !gate.cgroup.isCurrent { return true }
    return sandbox == Self.inherited(gate.cgroup) && (try? gate.cgroup.isEmpty()) == true
  }

  func isBehindGate(_ cgroup: Cgroup) -> Bool {
    gates.values.contains { cgroup.directory.utf8.starts(with: "\($0.cgroup.directory)/".utf8) }
  }

  func isGated(_ cgroupID: UInt64) -> Bool { gates.values.contains { $0.cgroup.id == cgroupID } }
}
