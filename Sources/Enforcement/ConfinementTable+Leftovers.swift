import CStockade
import Policy
import System

/// What an earlier process, or a runtime that forgot to tell, left in the kernel.
extension ConfinementTable {
  /// Takes over what an earlier process left in force, as it is, until the runtime says what runs: NRI 0.6 never says
  /// it to a plugin that it launched. What lies in a cgroup that is gone is taken away.
  mutating func inherit(root: String) throws(KernelError) {
    let known = Set(entries.values.map(\.cgroup.id)).union(gates.values.map(\.cgroup.id))
    for row in try kernel.containers() where !known.contains(row.cgroup_id) {
      guard let cgroup = Cgroup(id: row.cgroup_id, in: root) else {
        try forget(row.cgroup_id)
        continue
      }
      if row.state == STOCKADE_GATE.rawValue {
        gates[Self.inherited(cgroup)] = Gate(cgroup: cgroup, subject: .unknown(id: ""))
      } else {
        insertOrphan(cgroup, row)
      }
    }
    try dropUnowned()
  }

  /// Whether the kernel holds nothing that binds processes: ours, or an earlier process's that we did not take over.
  /// What left its container's cgroup stays bound when the container has ended, so it counts.
  func isUnused(root: String) throws(KernelError) -> Bool {
    guard entries.isEmpty, gates.isEmpty, try !kernel.hasStrays() else { return false }
    return try kernel.containers().allSatisfy { Cgroup(id: $0.cgroup_id, in: root) == nil }
  }

  static func inherited(_ cgroup: Cgroup) -> String { "orphan:\(cgroup.id)" }

  /// The runtime says what runs: what was inherited is judged by that.
  private mutating func dropInherited() {
    for (id, entry) in entries where id == Self.inherited(entry.cgroup) { remove(id) }
    for (id, gate) in gates where id == Self.inherited(gate.cgroup) { gates[id] = nil }
  }

  /// Takes over or takes away every kernel entry that no known container or gate accounts for.
  ///
  /// - Parameter root: the mount point of the hierarchy that containers are found in: v2, or v1 with `pids`.
  mutating func settleLeftovers(root: String) throws(KernelError) {
    dropInherited()
    let known = Set(entries.values.map(\.cgroup.id)).union(gates.values.map(\.cgroup.id))
    let rows = try kernel.containers()
    for row in rows where !known.contains(row.cgroup_id) {
      let cgroup = Cgroup(id: row.cgroup_id, in: root)
      if row.state == STOCKADE_GATE.rawValue || cgroup == nil {
        try forget(row.cgroup_id)
      } else if let cgroup {
        // Processes of a container that the runtime no longer lists: they keep their policy and may exec nothing.
        insertOrphan(cgroup, row)
        do throws(ReleaseError) { _ = try release(Self.inherited(cgroup)) } catch {
          throw KernelError(message: error.description, reason: error.reason)
        }
      }
    }
    try dropUnowned()
  }

  /// Takes away links that belong to no container's entry, and rules without a policy.
  private func dropUnowned() throws(KernelError) {
    let remaining = Set(try kernel.containers().map(\.cgroup_id))
    for cgroupID in try kernel.networkCgroups() where !remaining.contains(cgroupID) {
      try kernel.detachNetwork(cgroupID)
    }
    try kernel.removePolicies(except: try kernel.revisions())
  }

  private mutating func forget(_ cgroupID: UInt64) throws(KernelError) {
    try kernel.detachNetwork(cgroupID)
    try kernel.remove(cgroupID)
  }

  private mutating func insertOrphan(_ cgroup: Cgroup, _ row: stockade_container) {
    insert(
      Entry(
        subject: .unknown(id: Self.inherited(cgroup)), cgroup: cgroup,
        phase: row.state == STOCKADE_OPEN.rawValue ? .open : .closing, policy: nil, revision: row.revision,
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
