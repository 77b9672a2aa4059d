import CStockade
import Glibc
import Policy

/// What a program wrote about a decision. It is a copy of a record of the ring buffer.
package struct KernelEvent: Equatable, Sendable {
  /// The call or place in which the decision was made.
  package enum Kind: String, CaseIterable, Sendable {
    case exec, map, file, connect, sendmsg, bind, egress, ingress, socket, left, kernel, trace, protected, syscall
  }

  /// What was done, as opposed to what the rule says.
  package enum Effect: String, CaseIterable, Sendable { case audited, refused, killed, dropped }

  /// The part of the daemon that somebody tried to reach.
  package enum Protected: String, CaseIterable, Sendable { case file, mount, bpf, process }

  /// The task that did it.
  package struct Process: Equatable, Sendable {
    /// In the initial pid namespace.
    package var pid: UInt32
    package var parentPID: UInt32
    package var uid: UInt32
    /// The thread's name, at most 15 bytes.
    package var comm: [UInt8]

    package init(pid: UInt32, parentPID: UInt32 = 0, uid: UInt32 = 0, comm: [UInt8] = []) {
      (self.pid, self.parentPID, self.uid, self.comm) = (pid, parentPID, uid, comm)
    }
  }

  /// The other end of a connection or packet. For `bind` it is the own end.
  package struct Peer: Equatable, Sendable {
    /// In network order: 4 bytes or 16.
    package var address: [UInt8]
    package var port: UInt16
    package var localPort: UInt16
    /// IPPROTO_*.
    package var protocolNumber: UInt8

    package init(address: [UInt8], port: UInt16 = 0, localPort: UInt16 = 0, protocolNumber: UInt8) {
      (self.address, self.port, self.localPort, self.protocolNumber) = (address, port, localPort, protocolNumber)
    }
  }

  /// The process that something was aimed at.
  package struct Target: Equatable, Sendable {
    package var pid: UInt32
    /// nil: the process is in no container.
    package var cgroupID: CgroupID?

    package init(pid: UInt32, cgroupID: CgroupID? = nil) { (self.pid, self.cgroupID) = (pid, cgroupID) }
  }

  /// In the long run a container has at most this many events in a second.
  package static let perSecondMax = Int(STOCKADE_EVENTS_PER_SECOND)

  /// The time by CLOCK_BOOTTIME.
  package var timeNanoseconds: UInt64 = 0
  package var cgroupID: CgroupID
  /// nil: no policy decided.
  package var revision: Revision?
  package var kind: Kind
  package var effect: Effect
  package var reason: EventReason
  /// Index into the rules of the profile's section; nil: no rule decided.
  package var rule: Int?
  /// Index into the arguments of that rule, if the reason is `argument`.
  package var argument = 0
  /// nil: a packet was judged, and a packet belongs to no task.
  package var process: Process?
  /// For `file`.
  package var access: [Access] = []
  /// For `kernel`.
  package var surface: KernelSurface?
  /// For `kernel`: the family, if `kernel.sockets` does not list it.
  package var socketFamily: SocketFamily?
  /// For `protected`.
  package var protected: Protected?
  /// For `syscall`.
  package var syscall: Syscall?
  package var peer: Peer?
  package var target: Target?
  package var path: [UInt8] = []
  package var pathIsTruncated = false
  /// argv of the new image. The arguments are without their NUL.
  package var arguments: [[UInt8]] = []
  package var argumentsAreTruncated = false
  /// The path of the runtime's hook that had the process in its hands.
  package var hook: [UInt8] = []
  /// The policy blocks it, and a temporary audit let it pass.
  package var isSoftened = false
  /// The file is not of the container's image. Only of `exec`, `map` and `file`.
  package var isNew = false
  /// It is the container's first exec, or the program that the first one's `env` starts.
  package var isOfEntrypoint = false
  /// Of `exec`: an earlier event told of it, and this one has the arguments for the container's recording.
  package var isRecordedOnly = false
  /// In the container's recording: the first half of the fact's key. nil: the container is not recorded.
  package var recordedAs: UInt64?

  package init(
    cgroupID: CgroupID, revision: Revision? = nil, kind: Kind, effect: Effect, reason: EventReason, rule: Int? = nil,
    process: Process? = nil
  ) {
    (self.cgroupID, self.revision, self.kind, self.effect) = (cgroupID, revision, kind, effect)
    (self.reason, self.rule, self.process) = (reason, rule, process)
  }
}

/// Why it was decided so.
package enum EventReason: Hashable, CaseIterable, Sendable {
  case rule, defaultAction, newExecutables, fileless, overLongPath, argument, overLongArguments, notOpen, policyGone
  case undecided, leftCgroup, unparsedPacket, unknownPath, protection, unknownFilter
  /// The number of a reason that this version does not know.
  case unknown(UInt32)

  /// The reasons that this version knows.
  package static let allCases: [EventReason] = table.map(\.reason)

  /// The reason's name in records and documents.
  package var word: String {
    if case .unknown(let number) = self { return "unknown(\(number))" }
    return Self.table.first { $0.reason == self }!.word
  }

  init(_ number: UInt32) {
    self = Self.table.first { $0.number.rawValue == number }?.reason ?? .unknown(number)
  }

  private static let table: [(number: stockade_reason, reason: EventReason, word: String)] = [
    (STOCKADE_BY_RULE, .rule, "rule"), (STOCKADE_BY_DEFAULT, .defaultAction, "defaultAction"),
    (STOCKADE_NEW_EXECUTABLE, .newExecutables, "newExecutables"), (STOCKADE_FILELESS, .fileless, "fileless"),
    (STOCKADE_OVER_LONG_PATH, .overLongPath, "overLongPath"), (STOCKADE_ARGUMENT, .argument, "argument"),
    (STOCKADE_OVER_LONG_ARGUMENTS, .overLongArguments, "overLongArguments"), (STOCKADE_NOT_OPEN, .notOpen, "notOpen"),
    (STOCKADE_POLICY_GONE, .policyGone, "policyGone"), (STOCKADE_INTERNAL, .undecided, "undecided"),
    (STOCKADE_STRAY, .leftCgroup, "leftCgroup"), (STOCKADE_UNPARSED_PACKET, .unparsedPacket, "unparsedPacket"),
    (STOCKADE_UNKNOWN_PATH, .unknownPath, "unknownPath"), (STOCKADE_PROTECTION, .protection, "protection"),
    (STOCKADE_UNKNOWN_FILTER, .unknownFilter, "unknownFilter"),
  ]
}
