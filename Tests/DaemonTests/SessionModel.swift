import BPF
import Enforcement

/// What the kernel's tables must have after what a runtime has reported, by the rules of ARCHITECTURE.md. It knows
/// nothing of how Stockade comes to it.
struct SessionModel {
  /// What a pod's annotation asks for.
  enum Wish: CaseIterable {
    case nothing, profile
    /// A profile that does not exist: its containers are refused.
    case missing
    /// A profile that only audits, so that the pod needs no gate.
    case audit
  }

  struct Row: Equatable {
    var isOpen: Bool
    var hasPolicy: Bool

    static let confined = Row(isOpen: true, hasPolicy: true)
    static let admitted = Row(isOpen: true, hasPolicy: false)
  }

  struct Known {
    var cgroup: CgroupID
    var row: Row
  }

  /// A container as the runtime reports it.
  struct Report {
    var id: String
    var sandbox: String
    /// nil: the path names no cgroup.
    var cgroup: CgroupID?
    var pod: CgroupID
    /// Whether the process that is named is in the cgroup.
    var isInside: Bool
    var wish: Wish
  }

  /// The tables. A new process finds them as the last one left them.
  private(set) var rows: [CgroupID: Row] = [:]
  private(set) var gates: Set<CgroupID> = []
  // What one process knows.
  private(set) var known: [String: Known] = [:]
  private var pods: [String: CgroupID] = [:]
  /// Gates of which a process knows.
  private var knownGates: Set<CgroupID> = []

  // MARK: Pods

  mutating func run(_ sandbox: String, in pod: CgroupID, _ wish: Wish) {
    guard wish == .profile || wish == .missing else {
      // A gate that nobody needs any more goes, and with it what is known of the pod's sandboxes.
      if gates.remove(pod) != nil {
        knownGates.remove(pod)
        pods = pods.filter { $0.value != pod }
      }
      return
    }
    gates.insert(pod)
    knownGates.insert(pod)
    pods[sandbox] = pod
  }

  mutating func remove(sandbox: String) { pods[sandbox] = nil }

  // MARK: Containers

  /// - Returns: whether the container may start.
  mutating func start(_ report: Report) -> Bool {
    switch report.wish {
    case .nothing:
      guard isHeldBack(report) else { return true }
      if admit(report) { return true }
    case .profile, .audit: if confine(report) { return true }
    case .missing: break
    }
    close(report)
    return false
  }

  private mutating func confine(_ report: Report) -> Bool {
    guard let cgroup = report.cgroup, report.isInside, !isAnothers(cgroup, report.id) else { return false }
    set(report.id, cgroup, .confined)
    return true
  }

  private mutating func admit(_ report: Report) -> Bool {
    guard let cgroup = report.cgroup, !isAnothers(cgroup, report.id) else { return false }
    set(report.id, cgroup, .admitted)
    return true
  }

  private mutating func close(_ report: Report) {
    guard let cgroup = report.cgroup, !isAnothers(cgroup, report.id) else { return }
    set(report.id, cgroup, Row(isOpen: false, hasPolicy: known[report.id]?.row.hasPolicy ?? false))
  }

  private mutating func set(_ id: String, _ cgroup: CgroupID, _ row: Row) {
    known[id] = Known(cgroup: cgroup, row: row)
    rows[cgroup] = row
  }

  private func isHeldBack(_ report: Report) -> Bool {
    if pods[report.sandbox] != nil || known[report.id] != nil { return true }
    guard let cgroup = report.cgroup else { return false }
    return gates.contains(report.pod) || rows[cgroup] != nil
  }

  private func isAnothers(_ cgroup: CgroupID, _ id: String) -> Bool {
    known.contains { $0.key != id && $0.value.cgroup == cgroup && $0.key != Self.orphan(cgroup) }
  }

  /// The runtime says that a container is over, or a sweep finds that it is.
  mutating func end(_ id: String, isEmpty: (CgroupID) -> Bool) {
    guard let container = known[id] else { return }
    if isEmpty(container.cgroup) {
      rows[container.cgroup] = nil
      known[id] = nil
    } else if container.row.isOpen {
      set(id, container.cgroup, Row(isOpen: false, hasPolicy: container.row.hasPolicy))
    }
  }

  // MARK: What nobody reports

  mutating func sweep(isEmpty: (CgroupID) -> Bool, isThere: (CgroupID) -> Bool) {
    for (id, container) in known where !container.row.isOpen || isEmpty(container.cgroup) { end(id, isEmpty: isEmpty) }
    for pod in knownGates where !isThere(pod) || !pods.values.contains(pod) && isEmpty(pod) {
      gates.remove(pod)
      knownGates.remove(pod)
      pods = pods.filter { $0.value != pod }
    }
  }

  /// Another process begins.
  mutating func restart() { (known, pods, knownGates) = ([:], [:], []) }

  /// A session begins. What a process finds in the tables stays as it is, but for what is gone.
  mutating func inherit(isThere: (CgroupID) -> Bool) {
    inheritGates(isThere: isThere)
    for (cgroup, row) in rows where !known.values.contains(where: { $0.cgroup == cgroup }) {
      if !isThere(cgroup) {
        rows[cgroup] = nil
      } else if row != .admitted {
        known[Self.orphan(cgroup)] = Known(cgroup: cgroup, row: row)
      }
    }
  }

  private mutating func inheritGates(isThere: (CgroupID) -> Bool) {
    for pod in gates where !knownGates.contains(pod) {
      if isThere(pod) { knownGates.insert(pod) } else { gates.remove(pod) }
    }
  }

  /// - Parameters:
  ///   - sandboxes: every sandbox with its pod's cgroup, in the order of the list.
  ///   - containers: those that run.
  mutating func synchronize(
    sandboxes: [(id: String, pod: CgroupID, wish: Wish)], containers: [Report], isEmpty: (CgroupID) -> Bool,
    isThere: (CgroupID) -> Bool
  ) {
    for report in containers { adopt(report) }
    for sandbox in sandboxes {
      if sandbox.wish == .profile || sandbox.wish == .missing {
        for report in containers where report.sandbox == sandbox.id && known[report.id] == nil { _ = admit(report) }
      }
      run(sandbox.id, in: sandbox.pod, sandbox.wish)
    }
    for id in pods.keys where !sandboxes.contains(where: { $0.id == id }) { pods[id] = nil }
    for (id, container) in known where id == Self.orphan(container.cgroup) { known[id] = nil }
    inherit(isThere: isThere)
    for (id, container) in known where id == Self.orphan(container.cgroup) { end(id, isEmpty: isEmpty) }
  }

  /// What runs cannot be refused any more. What was in force stays.
  private mutating func adopt(_ report: Report) {
    switch report.wish {
    case .nothing: if isHeldBack(report) { _ = admit(report) }
    case .profile, .audit: if !confine(report) { keep(report) }
    case .missing: keep(report)
    }
  }

  private mutating func keep(_ report: Report) {
    guard let cgroup = report.cgroup, let row = rows[cgroup], row.hasPolicy else { return }
    known[report.id] = Known(cgroup: cgroup, row: row)
  }

  private static func orphan(_ cgroup: CgroupID) -> String { "orphan:\(cgroup)" }
}
