import CStockade
import Policy

/// The gate of a pod: nothing below its cgroup may exec unless it was let through at Start. It is pinned in the kernel,
/// so it holds while the plugin is away, when NRI itself would let every container start.
extension ConfinementTable {
  /// Closes the gate of a sandbox. Containers of the pod that run already must be entered first.
  mutating func closeGate(sandbox: String, cgroup: Cgroup) throws(KernelError) {
    guard gates[sandbox] == nil else { return }
    // The same pod's earlier sandbox may still hold it: one entry in the kernel, two owners here.
    if !gates.values.contains(cgroup.id) {
      try kernel.put(
        stockade_container(
          cgroup_id: cgroup.id, revision: 0, state: STOCKADE_GATE.rawValue, root_device: 0, check: 0, pad: 0))
    }
    setGate(cgroup.id, for: sandbox)
  }

  /// Ends the gate of a sandbox, and of no other one of the same pod.
  mutating func openGate(sandbox: String) throws(KernelError) {
    guard let cgroupID = gates[sandbox] else { return }
    setGate(nil, for: sandbox)
    if !gates.values.contains(cgroupID) { try kernel.remove(cgroupID) }
  }
}
