import CStockade

/// A container in the kernel's map `containers`: whether anything in it may execute, and by which policy.
package struct ContainerEntry: Equatable, Sendable {
  package enum State: Hashable, Sendable {
    /// Nothing in it may execute.
    case closed
    case open
    /// The gate of a pod, as Stockades without the map `gates` wrote it.
    case gate
  }

  /// A container's own cgroup has at most this many levels below the hierarchy's root.
  package static let cgroupLevelsMax = Int(STOCKADE_CGROUP_LEVELS_MAX)

  package var cgroupID: CgroupID
  /// nil: the container has no policy; it was let through its pod's gate.
  package var revision: Revision?
  package var state: State
  /// `s_dev` of the root file system: major << 20 | minor. 0: an image's files cannot be told from others.
  package var rootDevice: UInt32
  /// Whether the container ran before it was confined, and its tasks are not all marked yet.
  package var ranBefore: Bool
  /// Whether the kernel knows the container's mounts, and judges files by the paths that these give.
  package var hasVolumes: Bool
  /// The end of the container's temporary audit, which may be over; nil: it has none.
  package var audit: AuditDeadline?

  package init(
    cgroupID: CgroupID, revision: Revision?, state: State, rootDevice: UInt32 = 0, ranBefore: Bool = false,
    hasVolumes: Bool = false, audit: AuditDeadline? = nil
  ) {
    (self.cgroupID, self.revision, self.state) = (cgroupID, revision, state)
    (self.rootDevice, self.ranBefore, self.hasVolumes) = (rootDevice, ranBefore, hasVolumes)
    self.audit = audit
  }
}

extension ContainerEntry {
  /// A state that this version does not know counts as closed, as in the programs.
  init(_ row: stockade_container) {
    self.init(
      cgroupID: CgroupID(row.cgroup_id), revision: row.revision == 0 ? nil : Revision(row.revision),
      state: State(row.state), rootDevice: row.root_device, ranBefore: row.flags & STOCKADE_RAN_BEFORE.rawValue != 0,
      hasVolumes: row.flags & STOCKADE_HAS_VOLUMES.rawValue != 0)
    var row = row
    let until = stockade_audit_until(&row)
    audit = until == 0 ? nil : AuditDeadline(seconds: until)
  }

  /// The element of `containers`, with its check.
  ///
  /// - Parameter hasFileRules: whether the policy of the revision has some.
  func row(hasFileRules: Bool) -> stockade_container {
    var flags = (audit?.seconds ?? 0) << STOCKADE_AUDIT_SHIFT.rawValue
    if ranBefore { flags |= STOCKADE_RAN_BEFORE.rawValue }
    if hasVolumes { flags |= STOCKADE_HAS_VOLUMES.rawValue }
    if !hasFileRules { flags |= STOCKADE_HAS_NO_FILE_RULES.rawValue }
    var row = stockade_container(
      cgroup_id: cgroupID.number, revision: revision?.number ?? 0, state: state.number.rawValue,
      root_device: rootDevice, check: 0, flags: flags)
    row.check = stockade_container_check(&row)
    return row
  }
}

extension ContainerEntry.State {
  fileprivate init(_ number: UInt32) {
    switch number {
    case STOCKADE_OPEN.rawValue: self = .open
    case STOCKADE_GATE.rawValue: self = .gate
    default: self = .closed
    }
  }

  fileprivate var number: stockade_container_state {
    switch self {
    case .closed: STOCKADE_CLOSED
    case .open: STOCKADE_OPEN
    case .gate: STOCKADE_GATE
    }
  }
}

extension ProcessIdentity {
  init(_ value: stockade_process) { self.init(pid: value.tgid, startTicks: value.start_ticks) }

  var value: stockade_process { stockade_process(tgid: pid, pad: 0, start_ticks: startTicks) }
}
