import BPF
import Glibc
import Policy
import System

/// Finds the container of a cgroup and the profile of a policy's revision. If only the profile's name is known, the
/// profile has no rules.
package typealias SubjectLookUp = @Sendable (CgroupID, Revision?) -> (subject: Subject, profile: Profile?)?

/// Makes a record that names container, profile and rule from the kernel's record, which has only numbers.
package struct EventDecoder: Sendable {
  /// The tier whose programs decide.
  private let tier: Tier
  private let subject: SubjectLookUp
  private let syscall: SyscallLookUp
  private let commandLine: @Sendable (_ pid: UInt32) -> [UInt8]?
  private let bootOffsetNanoseconds: @Sendable () -> Int64

  /// - Parameters:
  ///   - commandLine: reads the beginning of `/proc/PID/cmdline`, for records that carry no arguments. It returns at
  ///     most `argumentsMaxBytes` and one more byte. That byte tells that there are more.
  ///   - syscall: asks the filter of a container about a call.
  ///   - bootOffsetNanoseconds: added to a CLOCK_BOOTTIME stamp to get the wall clock's.
  package init(
    tier: Tier, subject: @escaping SubjectLookUp,
    commandLine: @escaping @Sendable (_ pid: UInt32) -> [UInt8]? = EventDecoder.readCommandLine,
    syscall: @escaping SyscallLookUp = { _, _ in nil },
    bootOffsetNanoseconds: @escaping @Sendable () -> Int64 = { Timestamp.bootOffset }
  ) {
    self.tier = tier
    self.subject = subject
    self.commandLine = commandLine
    self.syscall = syscall
    self.bootOffsetNanoseconds = bootOffsetNanoseconds
  }

  /// The most of a process's arguments that a record has, as in the kernel's records. More of them would push older
  /// events off the disk.
  package static let argumentsMaxBytes = 2048

  @Sendable package static func readCommandLine(pid: UInt32) -> [UInt8]? {
    try? FileDescriptor(open: "/proc/\(pid)/cmdline", O_RDONLY).read(atMost: argumentsMaxBytes + 1)
  }

  /// The record of an event; nil: the event turns out to tell of nothing that was denied or audited.
  package func record(of event: KernelEvent) -> EventRecord? {
    guard let call = event.syscall else { return decode(event) }
    guard let ruling = syscall(event.cgroupID, call) else { return nil }
    var record = decode(event)
    record.syscall = EventRecord.Syscall(call, ruling)
    record.rule = ruling.rule
    // The kernel's program knows only the result.
    if event.effect != .killed { record.effect = ruling.isAudited ? .audited : .refused }
    if record.effect != .refused { record.syscall?.error = nil }
    if case .seccomp(.defaultAction, _) = ruling.rule { record.reason = .defaultAction }
    return record
  }

  package func decode(_ event: KernelEvent) -> EventRecord {
    let known = subject(event.cgroupID, event.revision)
    let target = event.target.map { target in
      (pid: target.pid, known: target.cgroupID.flatMap { subject($0, nil) })
    }
    return EventRecord(
      timeNanoseconds: wallClock(event.timeNanoseconds), kind: event.kind, effect: event.effect,
      reason: event.reason, subject: known?.subject, cgroupID: event.cgroupID,
      profile: Self.profile(event.kind, known?.profile, target?.known?.profile)?.name ?? "",
      rule: Self.rule(event, isKnown: known != nil, known?.profile), tags: Self.tags(event, known?.profile),
      tier: known != nil && Self.isJudgedByTier(event.kind) ? tier : .none,
      process: event.process.map { process(event, $0) }, file: Self.file(event), peer: event.peer.flatMap(Self.peer),
      surface: event.surface, socketFamily: event.socketFamily, protected: event.protected,
      target: target.map { EventRecord.Target(pid: $0.pid, subject: $0.known?.subject) }, isSoftened: event.isSoftened)
  }

  /// A time that no clock reaches becomes the last one that can be told.
  private func wallClock(_ bootNanoseconds: UInt64) -> Int64 {
    let (time, isTooLate) = Int64(clamping: bootNanoseconds).addingReportingOverflow(bootOffsetNanoseconds())
    return isTooLate ? .max : time
  }

  /// The profile that decided. For a trace it is the profile of the traced process. For what belongs to the daemon
  /// there is none.
  private static func profile(_ kind: KernelEvent.Kind, _ own: Profile?, _ targets: Profile?) -> Profile? {
    switch kind {
    case .trace: targets
    case .protected: nil
    default: own
    }
  }

  private static func rule(_ event: KernelEvent, isKnown: Bool, _ profile: Profile?) -> EventRule? {
    if event.kind == .kernel, event.reason == .rule, let surface = event.surface { return .kernelBlock(surface) }
    if event.kind == .kernel, event.reason == .rule, event.socketFamily != nil { return .kernelSockets }
    guard isKnown, let index = event.rule, let section = section(event.kind) else { return nil }
    return .rule(
      section, index: index, argument: event.reason == .argument ? event.argument : nil,
      location: profile.flatMap { location(section, index, $0) })
  }

  /// The section of the profile that a kind's rule numbers are about; nil: the kind has no rules.
  private static func section(_ kind: KernelEvent.Kind) -> EventRule.Section? {
    switch kind {
    case .exec, .map: .process
    case .file: .file
    case .connect, .sendmsg, .egress: .egress
    case .bind, .ingress: .ingress
    case .socket, .left, .kernel, .trace, .protected, .syscall: nil
    }
  }

  private static func tags(_ event: KernelEvent, _ profile: Profile?) -> [String] {
    guard let profile, let index = event.rule, let section = section(event.kind) else { return [] }
    return text(section, index, profile)?.tags ?? []
  }

  private static func location(_ section: EventRule.Section, _ index: Int, _ profile: Profile) -> Location? {
    text(section, index, profile)?.location
  }

  /// What the profile's text has of a rule; nil: it has no such rule.
  private static func text(
    _ section: EventRule.Section, _ index: Int, _ profile: Profile
  ) -> (location: Location, tags: [String])? {
    switch section {
    case .process: return profile.process?.rules.element(index).map { ($0.location, $0.tags) }
    case .file: return profile.fileAccess?.rules.element(index).map { ($0.location, $0.tags) }
    case .egress: return profile.network.egress?.rules.element(index).map { ($0.location, $0.tags) }
    case .ingress: return profile.network.ingress?.rules.element(index).map { ($0.location, $0.tags) }
    }
  }

  private func process(_ event: KernelEvent, _ process: KernelEvent.Process) -> EventRecord.Process {
    let isExec = event.kind == .exec
    let isTold = isExec && !event.arguments.isEmpty
    let (arguments, areTruncated) =
      isTold ? (event.arguments, event.argumentsAreTruncated) : Self.words(of: commandLine(process.pid) ?? [])
    return EventRecord.Process(
      pid: process.pid, parentPID: process.parentPID, uid: process.uid,
      comm: String(decoding: process.comm, as: UTF8.self), path: isExec ? Self.text(event.path) : nil,
      pathIsTruncated: isExec && event.pathIsTruncated,
      arguments: arguments.map { String(decoding: $0, as: UTF8.self) }, argumentsAreTruncated: areTruncated,
      argumentsSource: isTold ? .kernel : .proc, hook: Self.text(event.hook))
  }

  private static func words(of commandLine: [UInt8]) -> (words: [[UInt8]], areTruncated: Bool) {
    var words = commandLine.prefix(argumentsMaxBytes).split(separator: 0, omittingEmptySubsequences: false)
      .map { Array($0) }
    if words.last?.isEmpty == true { words.removeLast() }
    return (words, commandLine.count > argumentsMaxBytes)
  }

  /// nil: there is no text.
  private static func text(_ bytes: [UInt8]) -> String? {
    bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  /// In the kernel's record an empty path is the root, or a path that could not be read. The latter is also marked as
  /// truncated.
  private static func file(_ event: KernelEvent) -> EventRecord.File? {
    guard event.kind == .map || event.kind == .file else { return nil }
    // With these reasons the file may not have been looked at.
    let isUnknown = event.pathIsTruncated || event.reason == .undecided || event.reason == .notOpen
    return EventRecord.File(
      path: text(event.path) ?? (isUnknown ? nil : "/"), pathIsTruncated: !event.path.isEmpty && event.pathIsTruncated,
      access: event.access)
  }

  private static func isJudgedByTier(_ kind: KernelEvent.Kind) -> Bool {
    switch kind {
    case .exec, .map, .file, .kernel, .trace, .protected: true
    case .connect, .sendmsg, .bind, .egress, .ingress, .socket, .left, .syscall: false
    }
  }

  private static func peer(_ peer: KernelEvent.Peer) -> EventRecord.Peer? {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = peer.address.count == 4 ? AF_INET : AF_INET6
    guard inet_ntop(family, peer.address, &text, socklen_t(text.count)) != nil else { return nil }
    return EventRecord.Peer(
      address: String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self),
      port: peer.port, localPort: peer.localPort, transport: .init(protocolNumber: peer.protocolNumber))
  }
}
