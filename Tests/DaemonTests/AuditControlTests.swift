import BPF
import Daemon
import Enforcement
import EnforcementTesting
import Events
import InMemoryLogging
import Logging
import Policy
import Synchronization
import System
import Testing

private final class Told: Sendable {
  private let events = Mutex<[Events.Event]>([])
  let hub = EventHub()

  init() {
    hub.subscribe("test", .events { [self] event in events.withLock { $0.append(event) } })
  }

  var records: [AuditRecord] {
    hub.flush(milliseconds: 1000)
    return events.withLock { events in
      events.compactMap { if case .audit(let record) = $0 { record } else { nil } }
    }
  }
}

/// What is told of temporary audits, and which requests for them are refused.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct AuditControlTests {
  private static let caller = AuditCaller(uid: 0, pid: 7, loginUID: 1000)
  private let told = Told()
  private let log = InMemoryLogHandler()

  private func control(_ enforcer: Enforcer) -> AuditControl {
    AuditControl(enforcer: enforcer, events: told.hub, log: Logger(label: "test") { [log] _ in log })
  }

  private func settings(_ change: (inout NodeConfiguration) -> Void = { _ in }) throws -> Settings {
    var configuration = NodeConfiguration()
    change(&configuration)
    return Settings(configuration: configuration, profiles: try library(profiles))
  }

  private func begun() throws -> EnforcerWorld {
    let world = try EnforcerWorld()
    var profile = Profile(name: "exec", file: "exec.yaml")
    profile.process = ProcessSection()
    profile.process!.newExecutables = .allow
    profile.process!.defaultAction = .block
    profile.process!.allowEntrypoint = true
    try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    return world
  }

  private func request(_ scope: AuditScope, _ seconds: UInt32 = 60, _ reason: String = "debug it") -> AuditRequest {
    AuditRequest(scope: scope, seconds: seconds, reason: reason)
  }

  @Test("the beginning and the end are told with the caller, the reason, the deadline and the containers")
  func beginningAndEnd() throws {
    let world = try begun()
    let control = control(world.enforcer)
    let answer = try control.set(request(.profile("exec")), by: Self.caller, settings())
    #expect(answer.containers.map(\.containerID) == ["c1"] && answer.note.contains("seccomp"))
    let ended = try control.set(request(.profile("exec"), 0, "done"), by: Self.caller, settings())
    #expect(ended.untilNanoseconds == nil && ended.containers == answer.containers)
    let records = told.records
    #expect(records.map(\.act) == [.began, .ended] && records.map(\.reason) == ["debug it", "done"])
    #expect(records.allSatisfy { $0.caller == Self.caller && $0.containers == answer.containers })
    #expect(records.allSatisfy { $0.scope == .profile("exec") && $0.seconds == 60 })
    #expect(records[0].untilNanoseconds == answer.untilNanoseconds)
    #expect(log.entries.map(\.level) == [.warning, .notice])
  }

  @Test("a deadline that passed is told without a caller")
  func overdue() throws {
    let world = try begun()
    let control = control(world.enforcer)
    _ = try control.set(request(.container("c1")), by: Self.caller, settings())
    control.tellOverdue()
    #expect(told.records.map(\.act) == [.began])
    control.tellOverdue(now: .max)
    let ended = try #require(told.records.last)
    #expect(ended.act == .ended && ended.caller == nil && ended.reason == "debug it")
    control.tellOverdue(now: .max)
    #expect(told.records.count == 2)
  }

  @Test("a profile of a required binding is softened only with breakGlass", arguments: [false, true])
  func required(breakGlass: Bool) throws {
    let world = try begun()
    let control = control(world.enforcer)
    let settings = try settings { configuration in
      var binding = NodeConfiguration.Binding(name: "all")
      (binding.profile, binding.required) = ("exec", true)
      configuration.bindings = [binding]
      configuration.breakGlass = breakGlass
    }
    let refusal = Result { () throws(AuditRefusal) in
      try control.set(request(.container("c1")), by: Self.caller, settings)
    }
    #expect((try? refusal.get()) == nil || breakGlass)
    #expect(told.records.map(\.act) == [breakGlass ? .began : .refused])
    if !breakGlass { #expect(told.records.first?.problem?.contains("breakGlass") == true) }
  }

  @Test(
    "a request that cannot be carried out is refused, and told with its caller",
    arguments: [
      AuditRequest(scope: .container("c1"), seconds: 3601, reason: "why"),
      AuditRequest(scope: .container("c1"), seconds: 60, reason: ""),
      AuditRequest(scope: .container("c1"), seconds: 60, reason: " "),
      AuditRequest(scope: .container("c1"), seconds: 60, reason: "a\nline"),
      AuditRequest(scope: .container("c1"), seconds: 60, reason: "a\u{202E}turn"),
      AuditRequest(scope: .container("c1"), seconds: 60, reason: String(repeating: "é", count: 257)),
      AuditRequest(scope: .container(""), seconds: 60, reason: "why"),
      AuditRequest(scope: .pod(namespace: "ns", name: ""), seconds: 60, reason: "why"),
      AuditRequest(scope: .profile(String(repeating: "a", count: 254)), seconds: 60, reason: "why"),
      AuditRequest(scope: .profile("none"), seconds: 60, reason: "why"),
      AuditRequest(scope: .container("c1"), seconds: 0, reason: ""),
    ])
  func refused(request: AuditRequest) throws {
    let world = try begun()
    #expect(throws: AuditRefusal.self) {
      try control(world.enforcer).set(request, by: Self.caller, try settings())
    }
    let record = try #require(told.records.first)
    #expect(told.records.count == 1 && record.act == .refused && record.caller == Self.caller)
    #expect(record.problem?.isEmpty == false && record.reason.unicodeScalars.count <= AuditRequest.reasonMax)
    #expect(world.enforcer.audits.isEmpty && world.kernel.rows.values.allSatisfy { $0.audit == nil })
  }

  @Test("the longest audit and the longest reason are taken")
  func longest() throws {
    let world = try begun()
    let longest = request(.container("c1"), AuditRequest.secondsMax, String(repeating: "é", count: 256))
    #expect(try control(world.enforcer).set(longest, by: Self.caller, settings()).containers.count == 1)
  }

  @Test("without a configuration no audit begins, and one can end")
  func noConfiguration() throws {
    let world = try begun()
    let control = control(world.enforcer)
    #expect(throws: AuditRefusal.self) { try control.set(request(.container("c1")), by: Self.caller, nil) }
    _ = try control.set(request(.container("c1")), by: Self.caller, settings())
    #expect(try control.set(request(.container("c1"), 0), by: Self.caller, nil).containers.count == 1)
  }
}
