import BPF
import Events
import Explanation
import Glibc
import Policy
import RPC
import Status
import Synchronization
import System
import Testing

@testable import Control

/// A node that answers what a test wants, and notes what it is asked.
private final class FakeNode: ControlledNode {
  let instance = "first"
  let name = "n1"
  let events = EventHub()
  let asked = Mutex<[String]>([])

  func status() -> NodeStatus {
    var status = NodeStatus()
    status.version = "9"
    status.instance = instance
    status.mode = .launched
    status.problems = ["nothing is well"]
    status.tier.claimed = "lsm"
    status.nodeGate.openUntilNanoseconds = 5
    status.containers = [.init(profile: "web", state: .suspended, count: 3)]
    status.losses = [.init("flowsFull", .max)]
    status.tables = [.init("gates", 1, of: 2)]
    status.profiles.areRead = true
    var audit = AuditStatus()
    (audit.scope, audit.containerIDs) = ("pod", ["a", "b"])
    status.audits = [audit]
    return status
  }

  func containers() -> [ContainerStatus] {
    (0..<2500).map { number in
      var container = ContainerStatus()
      container.id = "c\(number)"
      container.name = "é\n"
      return container
    }
  }

  func details(ofContainer id: String) -> ContainerDetails? {
    id == "c1" ? ContainerDetails(containers()[1], gaps: ["x"]) : nil
  }

  func profiles() -> [ProfileStatus] {
    var profile = ProfileStatus()
    (profile.name, profile.problem, profile.gaps) = ("web", "broken", ["g"])
    return [profile]
  }

  func explain(_ operation: Operation, inContainer id: String) throws(RPCStatus) -> Explanation {
    guard id == "c1" else { throw RPCStatus(.notFound, "no \(id)") }
    var explanation = Explanation()
    (explanation.operation, explanation.profile, explanation.notes) = (operation.text, "web", ["n"])
    var step = Explanation.Step()
    (step.subject, step.action, step.effect) = ("s", .block, "EACCES")
    (step.decider, step.location, step.why) = ("d", Location(file: "web.yaml", line: 7), "w")
    step.candidates = [Explanation.Candidate("r", Location(file: "base.yaml", line: 9), "decides")]
    step.near = [Explanation.Candidate("é\n", nil, "")]
    (step.coverage, step.enforcer, step.gap) = (.partial, "tier signal", "g")
    explanation.steps = [step, Explanation.Step()]
    return explanation
  }

  func reload() -> ReloadOutcome { ReloadOutcome(changed: ["a"], problems: ["b"]) }

  func setAudit(_ request: AuditRequest, by caller: AuditCaller) throws(RPCStatus) -> AuditOutcome {
    asked.withLock { $0.append("\(request.scope) \(request.seconds) \(request.reason) \(caller.pid)") }
    if request.seconds == 0 { throw RPCStatus(.failedPrecondition, "no") }
    var audit = AuditStatus()
    (audit.scope, audit.subject) = (request.scope.kind, request.scope.subject)
    return AuditOutcome(audit: audit, remarks: ["r"])
  }

  /// Longer than an answer may be.
  static let recording = String(repeating: "é", count: RPCLimits.answerMaxBytes)

  func record(_ request: RecordRequest, _ call: RecordingCall) throws(RPCStatus) {
    asked.withLock { $0.append("record \(request.scope) \(request.seconds)") }
    if case .container("none") = request.scope { throw RPCStatus(.notFound, "no such container") }
    let thread = try? Thread { [self] in
      call.begin("r1", containers: ["a", "b"])
      isEnded.wait(milliseconds: 60_000) { $0 }
      call.send(Self.recording, of: "a")
      call.send("", of: "b")
      call.finish()
    }
    threads.withLock { $0.append(thread) }
  }

  private let threads = Mutex<[Thread?]>([])
  let isEnded = Monitor(false)

  func endRecording(_ name: String) -> Bool {
    isEnded.withLock { $0 = name == "r1" }
    return name == "r1"
  }
}

@Suite("the control API, by the commands' own client")
struct ControlServiceTests {
  private let node = FakeNode()
  private let folder: String
  private let server: RPCServer
  private let path: String

  init() throws {
    var name = Array("/tmp/stockade-control-XXXXXX\0".utf8.map { CChar(bitPattern: $0) })
    folder = String(cString: mkdtemp(&name))
    path = "\(folder)/socket"
    server = try RPCServer(
      at: path, methods: ControlService.methods(of: node), admit: { _ in RPCPeer(uid: 0, pid: 42) }, tell: { _ in })
  }

  private func withClient(_ body: (ControlClient) throws -> Void) throws {
    defer {
      server.stop(milliseconds: 500)
      rmdir(folder)
    }
    try body(try ControlClient(path: path))
  }

  @Test("what a node says comes out as it went in")
  func inspection() throws {
    try withClient { (client: ControlClient) throws in
      #expect(try client.status() == node.status())
      // More than a page.
      #expect(try client.containers() == node.containers().sorted { $0.id < $1.id })
      #expect(try client.container("c1") == node.details(ofContainer: "c1"))
      #expect(try client.profiles() == node.profiles())
      #expect(throws: ControlClient.Problem.self) { try client.container("nothing") }
      let explained = try client.explain(["exec", "/bin/sh", "-c"], container: "c1")
      #expect(try explained == node.explain(Operation(["exec", "/bin/sh", "-c"]), inContainer: "c1"))
      #expect(explained.isStopped)
      let refused = #expect(throws: ControlClient.Problem.self) { try client.explain(["exce"], container: "c1") }
      #expect(refused?.description.hasPrefix("unknown operation \"exce\"; did you mean \"exec\"?") == true)
    }
  }

  @Test("what changes something names who asked, and a refusal says why")
  func administration() throws {
    try withClient { (client: ControlClient) throws in
      #expect(try client.reload() == ReloadOutcome(changed: ["a"], problems: ["b"]))
      for (scope, kind, subject) in [
        (AuditScope.container("c1"), "container", "c1"), (AuditScope(pod: "shop/web"), "pod", "shop/web"),
        (AuditScope(pod: "uid"), "pod", "uid"), (.profile("web"), "profile", "web"),
      ] {
        let outcome = try client.setAudit(AuditRequest(scope: scope, seconds: 9, reason: "why"))
        #expect((outcome.audit.scope, outcome.audit.subject, outcome.remarks) == (kind, subject, ["r"]))
      }
      #expect(node.asked.withLock { $0 }.last == "profile web 9 why 42")
      let refused = #expect(throws: ControlClient.Problem.self) {
        try client.setAudit(AuditRequest(scope: .profile("a"), seconds: 0, reason: ""))
      }
      #expect(refused?.description == "no")
    }
  }

  @Test("a recording begins, is ended by its name, and comes whole though it fits no answer")
  func recording() throws {
    var containers: [String] = []
    var texts: [String: [UInt8]] = [:]
    try withClient { client in
      try client.record(RecordRequest(scope: .pod(namespace: "shop", name: "web"), seconds: 60)) { item in
        switch item {
        case .begin(let name, let found):
          containers = found
          do { try ControlClient(path: path).endRecording(name) } catch { Issue.record(error) }
        case .piece(let container, let text, _): texts[container, default: []] += text
        }
      }
    }
    #expect(containers == ["a", "b"])
    #expect(texts == ["a": Array(FakeNode.recording.utf8), "b": []])
    #expect(node.asked.withLock { $0 } == ["record pod shop/web 60"])
  }

  @Test("what cannot be recorded is refused", arguments: [UInt32(0), RecordRequest.secondsMax + 1, 1])
  func refusedRecording(_ seconds: UInt32) throws {
    try withClient { client in
      #expect(throws: ControlClient.Problem.self) {
        try client.record(RecordRequest(scope: .container("none"), seconds: seconds)) { _ in }
      }
      #expect(throws: ControlClient.Problem.self) { try client.endRecording("another") }
    }
    #expect(node.asked.withLock { $0 }.count == (seconds == 1 ? 1 : 0))
  }

  private func loss(_ number: Int64) -> Event {
    .tierLowered(TierLoss(timeNanoseconds: number, from: .lsm, to: .signal, reason: "r\(number)"))
  }

  @Test("events come once each, from the place that a client names, and one that is not remembered is told")
  func events() throws {
    for number in 1...3 { node.events.publish(loss(Int64(number))) }
    try withClient { (client: ControlClient) throws in
      var request = WatchRequest()
      (request.backlog, request.isPastOnly) = (2, true)
      var items: [ControlClient.WatchItem] = []
      let take = { (item: ControlClient.WatchItem) in
        items.append(item)
        return true
      }
      try client.watch(request, take)
      #expect(items.first == .begin(EventPosition(instance: "first", number: 1)))
      #expect(texts(of: items) == ["r2", "r3"])
      items = []
      (request.backlog, request.after) = (0, EventPosition(instance: "another", number: 2))
      try client.watch(request, take)
      #expect(items.count == 5 && items[1] == .lost(count: 0, reason: "Stockade has started anew since then"))
      for number in 4...2000 { node.events.publish(loss(Int64(number))) }
      items = []
      request.after = EventPosition(instance: "first", number: 3)
      try client.watch(request, take)
      guard case .lost(let count, _) = items[1] else { return #expect(Bool(false), "\(items[1])") }
      #expect(Int(count) + texts(of: items).count == 1997 && count > 0)
    }
  }

  private func texts(of items: [ControlClient.WatchItem]) -> [String] {
    items.compactMap { item in
      guard case .event(let event) = item else { return nil }
      return event.summary.split(separator: " ").last.map(String.init)
    }
  }

  @Test("a stream goes on until its client ends it, and then nobody holds anything of it")
  func follow() throws {
    try withClient { (client: ControlClient) throws in
      let publisher = Worker { [self] stop in
        var number: Int64 = 0
        while stop.pause(milliseconds: 1) {
          number += 1
          node.events.publish(loss(number))
        }
      }
      var positions: [UInt64] = []
      try client.watch(WatchRequest()) { item in
        if case .event(let event) = item { positions.append(event.position?.number ?? 0) }
        return positions.count < 100
      }
      publisher.stop(milliseconds: 1000)
      #expect(positions.count == 100 && positions == Array(positions[0]..<positions[0] + 100))
      let end = ContinuousClock.now + .seconds(5)
      while node.events.guestCount > 0, .now < end { usleep(10_000) }
      #expect(node.events.guestCount == 0)
    }
  }

  @Test("one line of an event, in colours only if they are wanted")
  func line() {
    let event = ControlClient.WatchedEvent(
      timeNanoseconds: 1_000_000, namespace: "shop", pod: "web-1", container: "app", action: "Block",
      summary: "killed exec /bin/\u{1b}id", record: "")
    #expect(event.line(isColoured: false) == "1970-01-01T00:00:00.001Z  shop/web-1/app  killed exec /bin/\\u{1B}id")
    #expect(event.line(isColoured: true).hasSuffix("  \u{1b}[31mkilled exec /bin/\\u{1B}id\u{1b}[0m"))
  }
}

@Suite("which events pass a filter")
struct EventFilterTests {
  private func passes(_ event: Event, _ change: (inout EventFilter) -> Void) -> Bool {
    var filter = EventFilter()
    change(&filter)
    return filter.passes(event)
  }

  @Test("an event needs one of the values of each list; what is missing concerns everybody")
  func filter() {
    let subject = Subject(
      containerID: "c1", containerName: "app", podName: "web-1", podNamespace: "shop", podUID: "u", image: "i")
    let event = Event.idle(IdleRecord(timeNanoseconds: 1, subject: subject, profile: "web", what: "w"))
    #expect(passes(event) { _ in })
    #expect(passes(event) { $0.namespaces = ["a", "shop"] } && !passes(event) { $0.namespaces = ["a"] })
    #expect(passes(event) { $0.containers = ["c1"] } && passes(event) { $0.containers = ["app"] })
    #expect(passes(event) { ($0.kinds, $0.sections) = (["idle"], ["node"]) })
    #expect(!passes(event) { ($0.kinds, $0.sections) = (["idle"], ["file"]) })
    #expect(!passes(event) { $0.actions = ["Block"] } && !passes(event) { $0.pods = ["other"] })
    let lost = Event.lost(EventLosses(timeNanoseconds: 1, counts: [.init(counter: .flowsFull, count: 1)]))
    #expect(passes(lost) { $0.namespaces = ["a"] })
  }
}
