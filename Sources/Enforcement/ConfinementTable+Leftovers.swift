import BPF
import Glibc
import Policy
import System

/// What was left in the kernel by an earlier process, or because the runtime forgot to report something.
extension ConfinementTable {
  /// Takes over what an earlier process left in force, and keeps it as it is until the runtime says what runs. NRI 0.6
  /// never says that to a plugin that it launched. An entry whose cgroup is gone is removed.
  mutating func inherit(root: String) throws(BackendError) {
    try inheritGates(root: root)
    let known = Set(entries.values.map(\.cgroup.id))
    for row in try kernel.containers() where !known.contains(row.cgroupID) {
      guard let cgroup = try find(row.cgroupID, in: root) else {
        try forget(row.cgroupID)
        continue
      }
      if !row.isLetThrough { insertOrphan(cgroup, row) }
    }
    try dropUnowned()
  }

  /// If the sandbox of a gate is not known, the gate ends when no process is left behind it.
  private mutating func inheritGates(root: String) throws(BackendError) {
    for row in try kernel.containers() where row.state == .gate {
      if let pod = try find(row.cgroupID, in: root) { try closeUnknown(pod) }
      try kernel.remove(row.cgroupID)
    }
    let states = try kernel.gates()
    for (id, state) in states where gates[id] == nil {
      guard let cgroup = try find(id, in: root) else {
        try kernel.removeGate(id)
        continue
      }
      if state == .closed {
        gates[id] = Gate(cgroup: cgroup, subject: .unknown(id: ""))
        subjects.insert(pod: .unknown(id: ""), id)
      }
    }
    // Half-written gates. If the pod exists, its gate may be just being written. Such an entry goes with the pod.
    for id in try kernel.sandboxes().keys where states[id] == nil {
      if try find(id, in: root) == nil { try kernel.removeGate(id) }
    }
  }

  /// Whether nothing in the kernel binds processes. That counts what this process wrote, and what an earlier process
  /// wrote and this one did not take over. A process that left its container's cgroup stays bound when the container
  /// has ended, so it counts too.
  func isUnused(root: String) throws(BackendError) -> Bool {
    guard entries.isEmpty, try !kernel.nodeGateIsClosed(), try !kernel.hasStrays() else { return false }
    for row in try kernel.containers() { if try find(row.cgroupID, in: root) != nil { return false } }
    for id in try kernel.gates().keys {
      if let gate = gates[id] {
        if !gate.isOver { return false }
      } else if let pod = try find(id, in: root), !Gate(cgroup: pod, subject: .unknown(id: "")).isOver {
        return false
      }
    }
    return true
  }

  /// Only a cgroup that is known to be gone counts as gone: what is in force for processes that live must stay.
  private func find(_ id: CgroupID, in root: String) throws(BackendError) -> Cgroup? {
    do { return try Cgroup.find(id, in: root) } catch {
      throw BackendError(message: "cannot find cgroup \(id): \(error)", reason: error.reason)
    }
  }

  static func inherited(_ cgroup: Cgroup) -> String { "orphan:\(cgroup.id)" }

  /// Forgets what was inherited: the runtime now says what runs, and inherited entries are judged by that.
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
      let cgroup = try find(row.cgroupID, in: root)
      if cgroup == nil {
        try forget(row.cgroupID)
      } else if let cgroup, !row.isLetThrough {
        // Processes of a container that the runtime no longer lists: they keep their policy and may exec nothing.
        insertOrphan(cgroup, row)
        do { _ = try release(Self.inherited(cgroup)) } catch {
          throw BackendError(message: error.description, reason: error.reason)
        }
      }
    }
    try dropUnowned()
  }

  /// Binds the tasks that run. If a task cannot be bound, its container is closed, and that is an error: a task that is
  /// not bound could go anywhere.
  mutating func bindRunning() throws(BackendError) {
    let unbound = try kernel.markRunningTasks()
    if unbound.isEmpty { return }
    for cgroupID in unbound {
      guard var row = try kernel.container(cgroupID) else { continue }
      (row.state, row.audit) = (.closed, nil)
      try kernel.put(row)
    }
    let closed = entries.filter { unbound.contains($0.value.cgroup.id) }.map(\.key).sorted()
    for id in closed { entries[id]!.phase = .closing }
    let list = closed.joined(separator: ", ")
    throw BackendError(
      message: "there is no memory to bind running tasks of containers, which may execute nothing from now on: \(list)",
      reason: Errno(ENOMEM, "").reason)
  }

  /// Takes away links and mounts that belong to no container's entry, and rules without a policy.
  private func dropUnowned() throws(BackendError) {
    let remaining = Set(try kernel.containers().map(\.cgroupID))
    for cgroupID in try kernel.networkCgroups() where !remaining.contains(cgroupID) {
      try kernel.detachNetwork(cgroupID)
    }
    try kernel.removeVolumes(except: remaining)
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
        rootDevice: row.rootDevice, hasVolumes: row.hasVolumes))
  }

  /// Keeps what an earlier process put in force for a container whose profile cannot be used now.
  ///
  /// - Returns: whether there was something in force.
  mutating func keepPrevious(_ subject: Subject, cgroup: Cgroup) throws(BackendError) -> Bool {
    guard let row = try kernel.container(cgroup.id), row.revision != nil else { return false }
    insert(
      Entry(
        subject: subject, cgroup: cgroup, phase: row.state == .open ? .open : .closing, policy: nil,
        revision: row.revision, rootDevice: row.rootDevice, hasVolumes: row.hasVolumes))
    return true
  }
}

extension ContainerEntry {
  /// Whether the entry has no policy. Then nothing in the container is bound, and the kernel forgets the entry with its
  /// cgroup. The entry may belong to a sandbox's own process, which no runtime lists among the containers.
  fileprivate var isLetThrough: Bool { state == .open && revision == nil }
}
