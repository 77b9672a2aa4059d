import CStockade
import Policy
import System

/// What an earlier process, or a runtime that forgot to tell, left in the kernel.
extension ConfinementTable {
  /// Takes over or takes away every kernel entry that no known container or gate accounts for.
  ///
  /// - Parameter root: the mount point of the v2 hierarchy.
  mutating func settleLeftovers(root: String) throws(KernelError) {
    let known = Set(entries.values.map(\.cgroup.id)).union(gates.values.map(\.cgroup.id))
    let rows = try kernel.containers()
    for row in rows where !known.contains(row.cgroup_id) {
      let cgroup = Cgroup(id: row.cgroup_id, in: root)
      if row.state == STOCKADE_GATE.rawValue || cgroup == nil {
        try forget(row.cgroup_id)
      } else if let cgroup {
        // Processes of a container that the runtime no longer lists: they keep their policy and may exec nothing.
        insertOrphan(cgroup, row)
        do throws(ReleaseError) { _ = try release("orphan:\(row.cgroup_id)") } catch {
          throw KernelError(message: error.description, reason: error.reason)
        }
      }
    }
    let remaining = Set(try kernel.containers().map(\.cgroup_id))
    for cgroupID in try kernel.networkCgroups() where !remaining.contains(cgroupID) {
      try kernel.detachNetwork(cgroupID)
    }
    try kernel.removePolicies(except: Set(entries.values.map(\.revision)).union(policies.values.map(\.revision)))
  }

  private mutating func forget(_ cgroupID: UInt64) throws(KernelError) {
    try kernel.detachNetwork(cgroupID)
    try kernel.remove(cgroupID)
  }

  private mutating func insertOrphan(_ cgroup: Cgroup, _ row: stockade_container) {
    let subject = Subject(
      containerID: "orphan:\(row.cgroup_id)", containerName: "", podName: "", podNamespace: "", podUID: "", image: "")
    insert(
      Entry(
        subject: subject, cgroup: cgroup, phase: .open, policy: nil, revision: row.revision,
        rootDevice: row.root_device))
  }

  /// Keeps what an earlier process put in force for a container whose profile cannot be used now.
  ///
  /// - Returns: whether there was something in force.
  mutating func keepPrevious(_ subject: Subject, cgroup: Cgroup) throws(KernelError) -> Bool {
    guard let row = try kernel.container(cgroup.id), row.revision != 0 else { return false }
    insert(
      Entry(
        subject: subject, cgroup: cgroup, phase: row.state == STOCKADE_OPEN.rawValue ? .open : .closing, policy: nil,
        revision: row.revision, rootDevice: row.root_device))
    return true
  }
}
