import BPF
import Events
import Policy
import System
import Testing

/// docs/events.md against what the decoder can give.
@Suite struct EventDocumentTests {
  private let document: Document

  init() throws { document = try Document("docs/events.md") }

  private static let subject = Subject(
    containerID: "c", containerName: "app", podName: "p", podNamespace: "n",
    podUID: "5a2b1c3d-0000-4000-8000-0123456789ab", image: "i:1@sha256:" + String(repeating: "0", count: 64),
    labels: [PodLabel(name: "app", value: "web")])

  private static let profile = {
    var profile = Profile(name: "web", file: "web.yaml")
    var rule = PathRule(path: "/a", isDirectory: false, action: .audit, location: Location(file: "web.yaml", line: 1))
    rule.tags = ["a", "T1059.004"]
    profile.process = ProcessSection()
    profile.process!.rules = [rule]
    return profile
  }()

  private static let decoder = EventDecoder(
    tier: .lsm, subject: { _, _ in (subject, profile) },
    commandLine: { _ in Array("a".utf8) },
    syscall: { _, _ in
      SyscallRuling(
        name: "mkdir", architecture: "x86_64", error: "EPERM",
        rule: .seccomp(.syscalls(index: 0), Location(file: "web.yaml", line: 1)))
    }, bootOffsetNanoseconds: { 0 })

  static func record(
    _ kind: KernelEvent.Kind = .exec, rule: Int? = nil, _ change: (inout KernelEvent) -> Void = { _ in }
  ) -> EventRecord {
    var event = KernelEvent(
      cgroupID: CgroupID(1), kind: kind, effect: .audited, reason: .rule, rule: rule, process: .init(pid: 1))
    (event.path, event.arguments) = (Array("/a".utf8), [Array("a".utf8)])
    change(&event)
    return decoder.record(of: event)!
  }

  /// An event of each case that is no record of the kernel's.
  static let others: [Event] = [
    .lost(EventLosses(timeNanoseconds: 0, counts: [.init(counter: .readFailed, count: 1)])),
    .tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: "")),
    .tampered(Tampering(timeNanoseconds: 0, subject: nil, what: "", problem: nil)),
    .idle(IdleRecord(timeNanoseconds: 0, subject: subject, profile: nil, what: "")),
    .nodeGate(GateRecord(NodeGate.Record(timeNanoseconds: 0, act: .closed, user: nil, reason: ""))),
    .audit(AuditRecord(timeNanoseconds: 0, act: .ended, scope: .profile("web"))),
  ]

  /// Records that together have every member of kind `audit`.
  static let audits: [AuditRecord] = [
    AuditScope.container("c"), .pod(namespace: "n", name: "p"), .podUID("u"), .profile("web"),
  ].map { scope in
    var record = AuditRecord(timeNanoseconds: 0, act: .began, scope: scope)
    (record.seconds, record.untilNanoseconds, record.reason, record.problem) = (1, 1, "why", "no")
    record.containers = [Subject](repeating: subject, count: AuditRecord.containersMax + 1)
    record.caller = AuditCaller(uid: 0, pid: 1, loginUID: 1000)
    return record
  }

  private static func kind(of json: JSON) -> String? {
    guard case .object(let members) = json, case .string(let kind) = members.first(where: { $0.0 == "kind" })?.1 else {
      return nil
    }
    return kind
  }

  private func listed(_ heading: String) -> [String] {
    document.rows(headed: heading).flatMap { Document.code(in: $0[0]) }
  }

  @Test("the table of kinds has every kind that is written, and no other")
  func kinds() {
    let written = KernelEvent.Kind.allCases.map(\.rawValue) + Self.others.compactMap { Self.kind(of: $0.json) }
    #expect(
      Set(listed("kind")) == Set(written) && Set(written).count == KernelEvent.Kind.allCases.count + Self.others.count)
  }

  @Test("the effects are those that are written")
  func effects() throws {
    let text = try #require(document.blocks.first { $0.hasPrefix("`audited`:") })
    for effect in KernelEvent.Effect.allCases { #expect(text.contains("`\(effect.rawValue)`: ")) }
    #expect(text.ranges(of: "`: ").count == KernelEvent.Effect.allCases.count)
  }

  @Test("the table of reasons has every reason that is written, and no other")
  func reasons() { #expect(Set(listed("reason")) == Set(EventReason.allCases.map(\.word))) }

  @Test("what is reached for of Stockade's, and the protocols of a peer, are those that are written")
  func otherWords() throws {
    let surface = try #require(document.rows(headed: "member").first { $0[0] == "`surface`" })
    #expect(Set(Document.code(in: surface[2])).isSuperset(of: KernelEvent.Protected.allCases.map(\.rawValue)))
    let peer = try #require(document.rows(headed: "member of `peer`").first { $0[0] == "`protocol`" })
    #expect(Set(EventRecord.Transport.allCases.map(\.word)) == Set(Document.code(in: peer[2])))
    let source = try #require(document.rows(headed: "member of `process`").first { $0[0] == "`argumentsSource`" })
    #expect(Set(Document.code(in: source[2])).isSuperset(of: EventRecord.ArgumentsSource.allCases.map(\.rawValue)))
  }

  @Test("the table of counters has every counter, and no other")
  func counters() {
    let told = KernelCounter.allCases.map(\.rawValue) + [EventLosses.unwrittenName]
    #expect(Set(listed("member of `counts`")) == Set(told))
  }

  /// Records that together have every member.
  static let fullest: [EventRecord] = [
    record(rule: 0) {
      $0.isSoftened = true
      ($0.pathIsTruncated, $0.argumentsAreTruncated, $0.hook) = (true, true, Array("/hook".utf8))
    },
    record(.file) { ($0.access, $0.pathIsTruncated) = ([.read, .write], true) },
    record(.protected) { $0.protected = .file },
    record(.kernel) { $0.socketFamily = .alg },
    record(.trace) { $0.target = .init(pid: 1, cgroupID: CgroupID(1)) },
    record(.syscall) {
      ($0.effect, $0.syscall) = (
        .refused, .init(number: 83, architecture: 0xc000_003e, arguments: [1, 2, 3, 4, 5, 6], result: -1)
      )
    },
    record(.connect) { $0.peer = .init(address: [10, 0, 0, 1], protocolNumber: 6) },
  ]

  @Test("the tables of members have every member that is written, and no other")
  func members() {
    var written: Set<String> = []
    for record in Self.fullest { Self.collect(Event.record(record).json(node: "n"), into: &written) }
    let tables =
      listed("member")
      + ["process", "file", "peer", "syscall"].flatMap { object in
        listed("member of `\(object)`").map { "\(object).\($0)" }
      }
    // A target's are as the record's own.
    written = written.filter { !$0.hasPrefix("target.container.") && !$0.hasPrefix("target.pod.") }
    // The configuration names the labels.
    written = written.filter { !$0.hasPrefix("pod.labels.") }
    written.formUnion(["pod.labels", "target.container", "target.pod", "process", "file", "peer", "syscall"])
    #expect(Set(tables) == written)
  }

  @Test("the table of the gates' members, and its acts, are those that are written")
  func gateRecords() throws {
    let record = NodeGate.Record(
      timeNanoseconds: 1, act: .freed, untilNanoseconds: 1, user: 1, pod: "/a", reason: "why")
    var written: Set<String> = []
    Self.collect(GateRecord(record, lost: 1).json, into: &written)
    #expect(Set(listed("member of `nodeGate`")) == written.subtracting(["time", "kind"]))
    let act = try #require(document.rows(headed: "member of `nodeGate`").first { $0[0] == "`act`" })
    #expect(Document.code(in: act[2]).sorted() == NodeGate.Act.allCases.map(\.word).sorted())
  }

  @Test("the table of the members of temporary audits, and its acts, are those that are written")
  func auditRecords() throws {
    var written: Set<String> = []
    for record in Self.audits { Self.collect(record.json, into: &written) }
    written = written.subtracting(["time", "kind", "containers"])
    let listed = Set(listed("member of `audit`")).filter { !$0.hasPrefix("containers[]") }
    #expect(listed == written)
    let act = try #require(document.rows(headed: "member of `audit`").first { $0[0] == "`act`" })
    #expect(Set(Document.code(in: act[2])) == Set(AuditRecord.Act.allCases.map(\.rawValue)))
  }

  private static func collect(_ json: JSON, _ place: String = "", into names: inout Set<String>) {
    guard case .object(let members) = json else {
      names.insert(place)
      return
    }
    for (name, value) in members { collect(value, place.isEmpty ? name : "\(place).\(name)", into: &names) }
  }
}
