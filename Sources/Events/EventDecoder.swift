import BPF
import CStockade
import Enforcement
import Glibc
import Policy
import System

/// From the kernel's record to one that names container, profile and rule.
package struct EventDecoder: Sendable {
  /// Who a cgroup id and a policy revision stand for.
  package var subject: @Sendable (_ cgroupID: UInt64, _ revision: UInt64) -> EventSubject?
  /// The beginning of `/proc/PID/cmdline`, for records that carry no arguments: a byte more than is told, if there is.
  package var commandLine: @Sendable (_ pid: UInt32) -> [UInt8]?
  /// Added to a CLOCK_BOOTTIME stamp to get the wall clock's, in nanoseconds.
  package var bootOffsetNanoseconds: @Sendable () -> Int64

  package init(
    subject: @escaping @Sendable (_ cgroupID: UInt64, _ revision: UInt64) -> EventSubject?,
    commandLine: @escaping @Sendable (_ pid: UInt32) -> [UInt8]? = EventDecoder.readCommandLine,
    bootOffsetNanoseconds: @escaping @Sendable () -> Int64 = {
      Timestamp.now(CLOCK_REALTIME) - Timestamp.now(CLOCK_BOOTTIME)
    }
  ) {
    self.subject = subject
    self.commandLine = commandLine
    self.bootOffsetNanoseconds = bootOffsetNanoseconds
  }

  /// Of a process's arguments, as in the kernel's records: what it passes must not push older events off the disk.
  package static let argumentsMaxBytes = 2048

  @Sendable package static func readCommandLine(pid: UInt32) -> [UInt8]? {
    try? FileDescriptor(open: "/proc/\(pid)/cmdline", O_RDONLY).read(atMost: argumentsMaxBytes + 1)
  }

  /// nil for a record of a kind that this version does not know.
  package func decode(_ event: KernelEvent) -> EventRecord? {
    let header = event.header
    guard let kind = Self.kind(header.kind), let effect = Self.effect(header.effect) else { return nil }
    let known = subject(header.cgroup_id, header.revision)
    let target = header.target_id == 0 ? nil : subject(header.target_id, 0)
    var record = EventRecord(
      timeNanoseconds: Int64(header.time_ns) + bootOffsetNanoseconds(), kind: kind, effect: effect,
      reason: Self.reason(header.reason), subject: known?.subject, cgroupID: header.cgroup_id,
      profile: known?.profile.name ?? "", rule: known.flatMap { rule(header, kind, $0.profile) },
      tier: Self.isJudgedByTier(kind) ? known?.tier ?? .none : .none, process: process(event, kind),
      file: Self.file(event, kind), peer: Self.peer(header))
    record.surface = Self.surface(header, kind)
    if kind == .kernel, header.reason == STOCKADE_BY_RULE.rawValue, let surface = record.surface {
      record.rule = "kernel.block \(surface)"
    }
    if header.target_pid != 0 { record.target = .init(pid: header.target_pid, subject: target?.subject) }
    // Who is traced is protected by its own profile; what is the daemon's by none.
    if kind == .trace { record.profile = target?.profile.name ?? "" }
    if kind == .protected { record.profile = "" }
    return record
  }

  private static func surface(_ header: stockade_event, _ kind: EventRecord.Kind) -> String? {
    switch kind {
    case .kernel: KernelSurface.allCases.first { $0.kernelBit == header.surface }?.rawValue
    case .protected: protected(header.surface)
    default: nil
    }
  }

  private static func protected(_ number: UInt32) -> String? {
    switch number {
    case STOCKADE_PROTECTED_FILE.rawValue: "file"
    case STOCKADE_PROTECTED_MOUNT.rawValue: "mount"
    case STOCKADE_PROTECTED_BPF.rawValue: "bpf"
    case STOCKADE_PROTECTED_PROCESS.rawValue: "process"
    default: nil
    }
  }

  private func rule(_ header: stockade_event, _ kind: EventRecord.Kind, _ profile: Profile) -> String? {
    guard header.rule != STOCKADE_NO_RULE else { return nil }
    let index = Int(header.rule)
    func named(_ section: String, _ location: Location?) -> String {
      "\(section).rules[\(index)]" + (location.map { " (\($0))" } ?? "")
    }
    func element<Rule>(_ rules: [Rule]?) -> Rule? { rules.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
    switch kind {
    case .exec, .map:
      let suffix = header.reason == STOCKADE_ARGUMENT.rawValue ? ".arguments[\(header.argument)]" : ""
      return named("process", element(profile.process?.rules)?.location) + suffix
    case .file: return named("file", element(profile.fileAccess?.rules)?.location)
    case .connect, .sendmsg, .egress:
      return named("network.egress", element(profile.network.egress?.rules)?.location)
    case .bind, .ingress: return named("network.ingress", element(profile.network.ingress?.rules)?.location)
    case .socket, .left, .kernel, .trace, .protected: return nil
    }
  }

  private func process(_ event: KernelEvent, _ kind: EventRecord.Kind) -> EventRecord.Process? {
    let header = event.header
    guard header.pid != 0 else { return nil }
    let comm = withUnsafeBytes(of: header.comm) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    var process = EventRecord.Process(pid: header.pid, parentPID: header.parent_pid, uid: header.uid, comm: comm)
    if kind == .exec {
      process.path = event.path.isEmpty ? nil : String(decoding: event.path, as: UTF8.self)
      process.pathIsTruncated = header.path_truncated != 0
    }
    process.hook = event.hook.isEmpty ? nil : String(decoding: event.hook, as: UTF8.self)
    process.argumentsAreTruncated = header.arguments_truncated != 0
    process.arguments = event.arguments.map { String(decoding: $0, as: UTF8.self) }
    if kind != .exec || event.arguments.isEmpty {
      process.argumentsSource = "proc"
      let text = commandLine(header.pid) ?? []
      process.argumentsAreTruncated = text.count > Self.argumentsMaxBytes
      process.arguments = text.prefix(Self.argumentsMaxBytes).split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
      if process.arguments.last == "" { process.arguments.removeLast() }
    }
    return process
  }

  /// The root's path is empty in the kernel's record, and so is one that could not be had, which is cut short then.
  private static func file(_ event: KernelEvent, _ kind: EventRecord.Kind) -> EventRecord.File? {
    guard kind == .map || kind == .file else { return nil }
    let header = event.header
    let isUnknown = event.path.isEmpty && (header.path_truncated != 0 || hasNoPath(header.reason))
    let path = event.path.isEmpty ? Array("/".utf8) : event.path
    return EventRecord.File(
      path: isUnknown ? nil : String(decoding: path, as: UTF8.self),
      pathIsTruncated: !event.path.isEmpty && header.path_truncated != 0, access: access(header.access))
  }

  /// Whether the file may not have been looked at.
  private static func hasNoPath(_ reason: UInt32) -> Bool {
    reason == STOCKADE_INTERNAL.rawValue || reason == STOCKADE_NOT_OPEN.rawValue
  }

  private static func access(_ bits: UInt32) -> [Access] {
    [(STOCKADE_READ, Access.read), (STOCKADE_WRITE, .write)].filter { bits & $0.0.rawValue != 0 }.map(\.1)
  }

  private static func isJudgedByTier(_ kind: EventRecord.Kind) -> Bool {
    switch kind {
    case .exec, .map, .file, .kernel, .trace, .protected: true
    case .connect, .sendmsg, .bind, .egress, .ingress, .socket, .left: false
    }
  }

  private static func peer(_ header: stockade_event) -> EventRecord.Peer? {
    guard header.family == AF_INET || header.family == AF_INET6 else { return nil }
    let bytes = withUnsafeBytes(of: header.remote_address) { Array($0) }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(Int32(header.family), bytes, &text, socklen_t(text.count)) != nil else { return nil }
    return EventRecord.Peer(
      address: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
      port: header.remote_port, localPort: header.local_port, transport: transport(header.protocol))
  }

  private static func transport(_ number: UInt8) -> String {
    if let known = PortRule.TransportProtocol.allCases.first(where: { $0.number == number }) { return known.rawValue }
    return switch number {
    case 1: "ICMP"
    case 58: "ICMPv6"
    default: String(number)
    }
  }

  private static func kind(_ number: UInt32) -> EventRecord.Kind? {
    switch number {
    case STOCKADE_EVENT_EXEC.rawValue: .exec
    case STOCKADE_EVENT_CONNECT.rawValue: .connect
    case STOCKADE_EVENT_SENDMSG.rawValue: .sendmsg
    case STOCKADE_EVENT_BIND.rawValue: .bind
    case STOCKADE_EVENT_EGRESS.rawValue: .egress
    case STOCKADE_EVENT_INGRESS.rawValue: .ingress
    case STOCKADE_EVENT_SOCKET.rawValue: .socket
    case STOCKADE_EVENT_LEFT.rawValue: .left
    case STOCKADE_EVENT_MAP.rawValue: .map
    case STOCKADE_EVENT_FILE.rawValue: .file
    case STOCKADE_EVENT_KERNEL.rawValue: .kernel
    case STOCKADE_EVENT_TRACE.rawValue: .trace
    case STOCKADE_EVENT_PROTECTED.rawValue: .protected
    default: nil
    }
  }

  private static func effect(_ number: UInt32) -> EventRecord.Effect? {
    switch number {
    case STOCKADE_AUDITED.rawValue: .audited
    case STOCKADE_REFUSED.rawValue: .refused
    case STOCKADE_KILLED.rawValue: .killed
    case STOCKADE_DROPPED.rawValue: .dropped
    default: nil
    }
  }

  private static func reason(_ number: UInt32) -> String {
    switch number {
    case STOCKADE_BY_RULE.rawValue: "rule"
    case STOCKADE_BY_DEFAULT.rawValue: "defaultAction"
    case STOCKADE_NEW_EXECUTABLE.rawValue: "newExecutables"
    case STOCKADE_FILELESS.rawValue: "fileless"
    case STOCKADE_OVER_LONG_PATH.rawValue: "overLongPath"
    case STOCKADE_ARGUMENT.rawValue: "argument"
    case STOCKADE_OVER_LONG_ARGUMENTS.rawValue: "overLongArguments"
    case STOCKADE_NOT_OPEN.rawValue: "notOpen"
    case STOCKADE_POLICY_GONE.rawValue: "policyGone"
    case STOCKADE_INTERNAL.rawValue: "undecided"
    case STOCKADE_STRAY.rawValue: "leftCgroup"
    case STOCKADE_UNPARSED_PACKET.rawValue: "unparsedPacket"
    case STOCKADE_UNKNOWN_PATH.rawValue: "unknownPath"
    case STOCKADE_PROTECTION.rawValue: "protection"
    default: "unknown(\(number))"
    }
  }
}
