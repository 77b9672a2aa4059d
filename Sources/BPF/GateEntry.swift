import CStockade

/// What the map `gates` says of a cgroup.
package enum GateState: CaseIterable, Sendable {
  /// Of a pod: below its cgroup only the sandbox and the containers that were let through may execute.
  case closed
  /// Of a pod: its containers need not be let through.
  case free
  /// Of a cgroup that contains pods: a pod that is not in the table is closed.
  case parent
  /// Of such a cgroup, while its existing pods are being entered: a pod that is not in the table runs on.
  case newParent

  /// Whether the state is that of a cgroup in which pods are made.
  package var isParent: Bool { self == .parent || self == .newParent }
}

extension GateState {
  /// A state that this version does not know counts as closed. So does an entry that is torn.
  init(_ number: UInt32) { self = Self.allCases.first { $0.number.rawValue == number } ?? .closed }

  private var number: stockade_gate_state {
    switch self {
    case .closed: STOCKADE_GATE_CLOSED
    case .free: STOCKADE_GATE_FREE
    case .parent: STOCKADE_GATE_PARENT
    case .newParent: STOCKADE_GATE_NEW_PARENT
    }
  }

  /// The element of `gates`, with its check.
  func row(of cgroupID: CgroupID) -> stockade_gate {
    var row = stockade_gate(cgroup_id: cgroupID.number, state: number.rawValue, check: 0)
    row.check = stockade_gate_check(&row)
    return row
  }
}

/// What the map `sandboxes` says of a pod: which cgroup in the pod's cgroup belongs to the sandbox.
package struct SandboxEntry: Equatable, Sendable {
  package enum FirstChild: Equatable, Sendable {
    /// It is the next cgroup that is made in the pod's cgroup.
    case awaited
    /// The runtime starts no process for the sandbox.
    case noProcess
    /// The pod is older than its gate. Once the pod is empty, the next cgroup is awaited.
    case unknown
    case cgroup(CgroupID)
  }

  package var firstChild: FirstChild
  /// The same cgroup, once its shim is known: what is in this cgroup may execute. nil: the shim is not known.
  package var bound: CgroupID?
  /// The shim of the sandbox that was bound last.
  package var shim: ProcessIdentity?
  /// How many execs below the pod's cgroup the gate has refused.
  package var refused: UInt32

  package init(
    firstChild: FirstChild, bound: CgroupID? = nil, shim: ProcessIdentity? = nil, refused: UInt32 = 0
  ) {
    (self.firstChild, self.bound, self.shim, self.refused) = (firstChild, bound, shim, refused)
  }

  /// The sandbox's cgroup; nil: there is none, or it is not known.
  package var cgroup: CgroupID? {
    guard case .cgroup(let id) = firstChild else { return nil }
    return id
  }
}

extension SandboxEntry {
  init(_ value: stockade_sandbox) {
    self.init(
      firstChild: FirstChild(value.first_child), bound: value.bound == 0 ? nil : CgroupID(value.bound),
      shim: value.shim_tgid == 0 ? nil : ProcessIdentity(pid: value.shim_tgid, startTicks: value.shim_start_ticks),
      refused: value.refused)
  }

  var value: stockade_sandbox {
    stockade_sandbox(
      first_child: firstChild.number, bound: bound?.number ?? 0, shim_start_ticks: shim?.startTicks ?? 0,
      shim_tgid: shim?.pid ?? 0, refused: refused)
  }
}

extension SandboxEntry.FirstChild {
  fileprivate init(_ number: UInt64) {
    switch number {
    case 0: self = .awaited
    case STOCKADE_SANDBOX_NONE: self = .noProcess
    case STOCKADE_SANDBOX_UNKNOWN: self = .unknown
    default: self = .cgroup(CgroupID(number))
    }
  }

  fileprivate var number: UInt64 {
    switch self {
    case .awaited: 0
    case .noProcess: STOCKADE_SANDBOX_NONE
    case .unknown: STOCKADE_SANDBOX_UNKNOWN
    case .cgroup(let id): id.number
    }
  }
}
