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
  private let commandLine: @Sendable (_ pid: UInt32) -> [UInt8]?
  private let bootOffsetNanoseconds: @Sendable () -> Int64

  /// - Parameters:
  ///   - commandLine: reads the beginning of `/proc/PID/cmdline`, for records that carry no arguments. It returns at
  ///     most `argumentsMaxBytes` and one more byte. That byte tells that there are more.
  ///   - bootOffsetNanoseconds: added to a CLOCK_BOOTTIME stamp to get the wall clock's.
  package init(
    tier: Tier, subject: @escaping SubjectLookUp,
    commandLine: @escaping @Sendable (_ pid: UInt32) -> [UInt8]? = EventDecoder.readCommandLine,
    bootOffsetNanoseconds: @escaping @Sendable () -> Int64 = {
      Timestamp.now(CLOCK_REALTIME) - Timestamp.now(CLOCK_BOOTTIME)
    }
  ) {
    self.tier = tier
    self.subject = subject
    self.commandLine = commandLine
    self.bootOffsetNanoseconds = bootOffsetNanoseconds
  }

  /// The most of a process's arguments that a record has, as in the kernel's records. More of them would push older
  /// events off the disk.
  package static let argumentsMaxBytes = 2048

  @Sendable package static func readCommandLine(pid: UInt32) -> [UInt8]? {
    try? FileDescriptor(open: "/proc/\(pid)/cmdline", O_RDONLY).read(atMost: argumentsMaxBytes + 1)
  }

  package func decode(_ event: KernelEvent) -> EventRecord {
    let known = subject(event.cgroupID, event.revision)
    let target = event.target.map { target in
      (pid: target.pid, known: target.cgroupID.flatMap { subject($0, nil) })
    }
    return EventRecord(
      timeNanoseconds: Int64(event.timeNanoseconds) + bootOffsetNanoseconds(), kind: event.kind, effect: event.effect,
      reason: event.reason, subject: known?.subject, cgroupID: event.cgroupID,
      profile: Self.profile(event.kind, known?.profile, target?.known?.profile)?.name ?? "",
      rule: Self.rule(event, isKnown: known != nil, known?.profile),
      tier: known != nil && Self.isJudgedByTier(event.kind) ? tier : .none,
      process: event.process.map { process(event, $0) }, file: Self.file(event), peer: event.peer.flatMap(Self.peer),
      surface: event.surface, protected: event.protected,
      target: target.map { EventRecord.Target(pid: $0.pid, subject: $0.known?.subject) })
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
    case .socket, .left, .kernel, .trace, .protected: nil
    }
  }

  private static func location(_ section: EventRule.Section, _ index: Int, _ profile: Profile) -> Location? {
    func element<Rule>(_ rules: [Rule]?) -> Rule? { rules.flatMap { $0.indices.contains(index) ? $0[index] : nil } }
    switch section {
    case .process: return element(profile.process?.rules)?.location
    case .file: return element(profile.fileAccess?.rules)?.location
    case .egress: return element(profile.network.egress?.rules)?.location
    case .ingress: return element(profile.network.ingress?.rules)?.location
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
    case .connect, .sendmsg, .bind, .egress, .ingress, .socket, .left: false
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
