import BPF
import Policy
import System

/// One denied or audited action. docs/events.md lists the members.
package struct EventRecord: Sendable {
  package struct Process: Equatable, Sendable {
    package var pid: UInt32
    package var parentPID: UInt32
    package var uid: UInt32
    package var comm: String
    package var path: String?
    package var pathIsTruncated = false
    package var arguments: [String] = []
    package var argumentsAreTruncated = false
    package var argumentsSource = ArgumentsSource.kernel
    /// Behind a pod's gate: the runtime's hook that would have executed or mapped the file.
    package var hook: String?
  }

  package enum ArgumentsSource: String, CaseIterable, Sendable {
    /// Read in the decision itself.
    case kernel
    /// Read later from `/proc/PID/cmdline`, which may have changed.
    case proc
  }

  /// What was mapped or accessed.
  package struct File: Equatable, Sendable {
    /// nil: the file has no path that could be found out.
    package var path: String?
    package var pathIsTruncated = false
    /// What was tried; empty: the file was mapped to be executed.
    package var access: [Access] = []
  }

  package struct Peer: Equatable, Sendable {
    package var address: String
    package var port: UInt16
    package var localPort: UInt16
    package var transport: Transport
  }

  package enum Transport: Hashable, CaseIterable, Sendable {
    case icmp, tcp, udp, icmpv6, sctp
    /// IPPROTO_* of another protocol.
    case other(UInt8)

    /// The protocols that have a word.
    package static let allCases: [Transport] = [.icmp, .tcp, .udp, .icmpv6, .sctp]

    init(protocolNumber: UInt8) {
      self = Self.allCases.first { $0.protocolNumber == protocolNumber } ?? .other(protocolNumber)
    }

    /// IPPROTO_*.
    var protocolNumber: UInt8 {
      switch self {
      case .icmp: 1
      case .tcp: 6
      case .udp: 17
      case .icmpv6: 58
      case .sctp: 132
      case .other(let number): number
      }
    }

    /// The protocol's name in records and documents.
    package var word: String {
      switch self {
      case .icmp: "ICMP"
      case .tcp: "TCP"
      case .udp: "UDP"
      case .icmpv6: "ICMPv6"
      case .sctp: "SCTP"
      case .other(let number): "\(number)"
      }
    }
  }

  /// The process at which a `trace` or `protected` was aimed.
  package struct Target: Equatable, Sendable {
    package var pid: UInt32
    /// nil: the process is in no container, or in one that is not known any more.
    package var subject: Subject?
    package init(pid: UInt32, subject: Subject?) {
      self.pid = pid
      self.subject = subject
    }
  }

  package var timeNanoseconds: Int64
  package var kind: KernelEvent.Kind
  package var effect: KernelEvent.Effect
  package var reason: EventReason
  package var subject: Subject?
  package var cgroupID: CgroupID
  package var profile: String
  package var rule: EventRule?
  /// What the profile says of the rule.
  package var tags: [String] = []
  package var tier: Tier
  package var process: Process?
  package var file: File?
  package var peer: Peer?
  /// For `kernel`.
  package var surface: KernelSurface?
  /// For `kernel`: the family of a socket.
  package var socketFamily: SocketFamily?
  /// For `protected`.
  package var protected: KernelEvent.Protected?
  package var target: Target?
  package var syscall: Syscall?
  /// The profile blocks it, and a temporary audit let it pass.
  package var isSoftened = false

  /// What the profile says.
  package var action: String { effect.action }

  /// One JSON object. Its members have a fixed order, and those that do not apply are absent.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: timeNanoseconds))),
      ("kind", .string(kind.rawValue)),
      ("action", .string(action)),
      ("effect", .string(effect.rawValue)),
      ("reason", .string(reason.word)),
    ]
    if isSoftened { members.append(("temporaryAudit", true)) }
    if let subject { members += Self.members(of: subject) }
    members += [("cgroupId", .unsigned(cgroupID.number)), ("profile", .string(profile))]
    if let rule { members.append(("rule", .string(rule.text))) }
    if !tags.isEmpty { members.append(("tags", .array(tags.map { .string($0) }))) }
    members.append(("tier", .string(tier.name)))
    if let surfaceWord { members.append(("surface", .string(surfaceWord))) }
    if let socketFamily { members.append(("socketFamily", .string(socketFamily.name))) }
    if let process { members.append(("process", Self.json(process))) }
    if let file { members.append(("file", Self.json(file))) }
    if let peer { members.append(("peer", Self.json(peer))) }
    if let target { members.append(("target", Self.json(target))) }
    if let syscall { members.append(("syscall", syscall.json)) }
    return .object(members)
  }

  /// The word of `kernel.block`, `sockets` for `kernel.sockets`, or the part of Stockade that somebody tried to reach.
  var surfaceWord: String? { surface?.rawValue ?? socketFamily.map { _ in "sockets" } ?? protected?.rawValue }

  static func members(of subject: Subject) -> [(String, JSON)] {
    var pod: [(String, JSON)] = [
      ("namespace", .string(subject.podNamespace)), ("name", .string(subject.podName)),
      ("uid", .string(subject.podUID)),
    ]
    if !subject.labels.isEmpty {
      pod.append(("labels", .object(subject.labels.map { ($0.name, .string($0.value)) })))
    }
    var members: [(String, JSON)] = [
      ("container", .object([("id", .string(subject.containerID)), ("name", .string(subject.containerName))])),
      ("pod", .object(pod)), ("image", .string(subject.image)),
    ]
    if let digest = subject.imageDigest { members.append(("imageDigest", .string(digest))) }
    return members
  }

  private static func json(_ process: Process) -> JSON {
    var members: [(String, JSON)] = [
      ("pid", .unsigned(UInt64(process.pid))), ("parentPid", .unsigned(UInt64(process.parentPID))),
      ("uid", .unsigned(UInt64(process.uid))), ("comm", .string(process.comm)),
    ]
    if let path = process.path { members.append(("path", .string(path))) }
    if process.pathIsTruncated { members.append(("pathTruncated", true)) }
    members.append(("arguments", .array(process.arguments.map { .string($0) })))
    if process.argumentsAreTruncated { members.append(("argumentsTruncated", true)) }
    members.append(("argumentsSource", .string(process.argumentsSource.rawValue)))
    if let hook = process.hook { members.append(("hook", .string(hook))) }
    return .object(members)
  }

  private static func json(_ file: File) -> JSON {
    var members: [(String, JSON)] = []
    if let path = file.path { members.append(("path", .string(path))) }
    if file.pathIsTruncated { members.append(("pathTruncated", true)) }
    if !file.access.isEmpty { members.append(("access", .array(file.access.map { .string($0.rawValue) }))) }
    return .object(members)
  }

  private static func json(_ target: Target) -> JSON {
    .object([("pid", .unsigned(UInt64(target.pid)))] + (target.subject.map(members(of:)) ?? []))
  }

  private static func json(_ peer: Peer) -> JSON {
    .object([
      ("address", .string(peer.address)), ("port", .unsigned(UInt64(peer.port))),
      ("localPort", .unsigned(UInt64(peer.localPort))), ("protocol", .string(peer.transport.word)),
    ])
  }
}
