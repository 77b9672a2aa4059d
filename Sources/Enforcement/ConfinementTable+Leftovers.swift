import BPF
import Glibc
import Policy
import System

/// What an earlier process, or a runtime that forgot to tell, left in the kernel.
extension ConfinementTable {
  /// Takes over what an earlier process left in force, as it is, until the runtime says what runs: NRI 0.6 never says
  /// it to a plugin that it launched. What lies in a cgroup that is gone is taken away.
  mutating func inherit(root: String) throws(BackendError) {
    try inheritGates(root: root)
    let known = Set(entries.values.map(\.cgroup.id))
    for row in try kernel.containers() where !known.contains(row.cgroupID) {
      guard let cgroup = Cgroup(id: row.cgroupID, in: root) else {
        try forget(row.cgroupID)
        continue
      }
      if !row.isLetThrough { insertOrphan(cgroup, row) }
    }
    try dropUnowned()
  }

  /// A gate whose sandbox is not known ends when no process is left behind it.
  private mutating func inheritGates(root: String) throws(BackendError) {
    for row in try kernel.containers() where row.state == .gate {
      if let pod = Cgroup(id: row.cgroupID, in: root) { try closeUnknown(pod) }
      try kernel.remove(row.cgroupID)
    }
    let states = try kernel.gates()
    for (id, state) in states where gates[id] == nil {
      guard let cgroup = Cgroup(id: id, in: root) else {
        try kernel.removeGate(id)
        continue
      }
      if state == .closed {
        gates[id] = Gate(cgroup: cgroup, subject: .unknown(id: ""))
        subjects.insert(pod: .unknown(id: ""), id)
      }
    }
    // Halves. One whose pod is there may be just being written, and goes with that.
    for id in try kernel.sandboxes().keys where states[id] == nil && Cgroup(id: id, in: root) == nil {
      try kernel.removeGate(id)
    }
  }

  /// Whether the kernel holds nothing that binds processes: ours, or an earlier process's that we did not take over.
  /// What left its container's cgroup stays bound when the container has ended, so it counts.
  func isUnused(root: String) throws(BackendError) -> Bool {
    guard entries.isEmpty, try !kernel.nodeGateIsClosed(), try !kernel.hasStrays() else { return false }
    guard try kernel.containers().allSatisfy({ Cgroup(id: $0.cgroupID, in: root) == nil }) else { return false }
    return try kernel.gates().keys.allSatisfy { id in
      let gate = gates[id] ?? Cgroup(id: id, in: root).map { Gate(cgroup: $0, subject: .unknown(id: "")) }
      return gate?.isOver ?? true
    }
  }

  static func inherited(_ cgroup: Cgroup) -> String { "orphan:\(cgroup.id)" }

  /// The runtime says what runs: what was inherited is judged by that.
  private mutating func dropInherited() {
    for (id, entry) in entries where id == Self.inherited(entry.cgroup) { remove(id) }
  }

  /// Takes over or takes away every kernel entry that no known container or gate accounts for.
  ///
  /// - Parameter root: the mount point of the hierarchy that containers are found in: v2, or v1 with `pids`.
  mutating func settleLeftovers(root: String) throws(BackendError) {
    dropInherited()
    try inheritGates(root: root)
    let known = Set(entries.values.map(\.cgroup.id))
    let rows = try kernel.containers()
    for row in rows where !known.contains(row.cgroupID) {
      let cgroup = Cgroup(id: row.cgroupID, in: root)
      if cgroup == nil {
        try forget(row.cgroupID)
      } else if let cgroup, !row.isLetThrough {
        // Processes of a container that the runtime no longer lists: they keep their policy and may exec nothing.
        insertOrphan(cgroup, row)
        do throws(ReleaseError) { _ = try release(Self.inherited(cgroup)) } catch {
          throw BackendError(message: error.description, reason: error.reason)
        }
      }
    }
    try dropUnowned()
  }

  /// Binds the tasks that run. A container with one that cannot be bound is closed, and that is an error: what is not
  /// bound could go anywhere.
  mutating func bindRunning() throws(BackendError) {
    let unbound = try kernel.markRunningTasks()
    if unbound.isEmpty { return }
    for cgroupID in unbound {
      guard var row = try kernel.container(cgroupID) else { continue }
      row.state = .closed
      try kernel.put(row)
    }
    let closed = entries.filter { unbound.contains($0.value.cgroup.id) }.keys.sorted()
    for id in closed { entries[id]!.phase = .closing }
    let list = closed.joined(separator: ", ")
    throw BackendError(
      message: "there is no memory to bind running tasks of containers, which may execute nothing from now on: \(list)",
      reason: Errno(ENOMEM, "").reason)
  }

  /// Takes away links that belong to no container's entry, and rules without a policy.
  private func dropUnowned() throws(BackendError) {
    let remaining = Set(try kernel.containers().map(\.cgroupID))
    for cgroupID in try kernel.networkCgroups() where !remaining.contains(cgroupID) {
      try kernel.detachNetwork(cgroupID)
    }
    try kernel.removePolicies(except: try kernel.revisions())
  }

  private mutating func forget(_ cgroupID: CgroupID) throws(BackendError) {
    try kernel.detachNetwork(cgroupID)
    try kernel.remove(cgroupID)
  }

  private mutating func insertOrphan(_ cgroup: Cgroup, _ row: ContainerEntry) {
    insert(
      Entry(
        subject: .unknown(id: Self.inherited(cgroup)), cgroup: cgroup,
        phase: row.state == .open ? .open : .closing, policy: nil, revision: row.revision,
        rootDevice: row.rootDevice))
  }

  /// Keeps what an earlier process put in force for a container whose profile cannot be used now.
  ///
  /// - Returns: whether there was something in force.
  mutating func keepPrevious(_ subject: Subject, cgroup: Cgroup) throws(BackendError) -> Bool {
    guard let row = try kernel.container(cgroup.id), row.revision != nil else { return false }
    insert(
      Entry(
        subject: subject, cgroup: cgroup, phase: row.state == .open ? .open : .closing, policy: nil,
        revision: row.revision, rootDevice: row.rootDevice))
    return true
  }
}

extension ContainerEntry {
  /// Without a policy: nothing in it is bound, and the kernel forgets it with its cgroup. It may be a sandbox's own
  /// process, which no runtime lists among the containers.
  fileprivate var isLetThrough: Bool { state == .open && revision == nil }
}
