import BPF
import Compilation
import Enforcement
import EnforcementTesting
import Glibc
import Policy
import System
import Testing

/// Who has a temporary audit, and what becomes of it.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct TemporaryAuditTests {
  private static let second: UInt64 = 1_000_000_000
  private static let caller = AuditCaller(uid: 0, pid: 7, loginUID: 1000)

  private func profile(_ name: String = "web", _ path: String = "/x") -> Profile {
    var profile = Profile(name: name, file: "\(name).yaml")
    var process = ProcessSection()
    process.newExecutables = .allow
    process.rules = [
      PathRule(path: path, isDirectory: false, action: .block, location: Location(file: "web.yaml", line: 1))
    ]
    profile.process = process
    return profile
  }

  private func ask(_ scope: AuditScope, _ seconds: UInt32 = 60, except: Set<String> = []) -> Enforcer.Audit {
    Enforcer.Audit(scope: scope, seconds: seconds, reason: "why", caller: Self.caller, except: except)
  }

  private func deadline(_ world: EnforcerWorld) throws -> AuditDeadline? {
    world.kernel.rows[try world.cgroupID]?.audit
  }

  /// A world with container c1 of profile `web`.
  private func begun() throws -> EnforcerWorld {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    return world
  }

  @Test(
    "the containers of the scope get the deadline, by one write each, and no other container",
    arguments: [
      .container("c1"), .pod(namespace: "ns", name: "pod"), .podUID("uid"), .profile("web"),
    ] as [AuditScope])
  func scopes(scope: AuditScope) throws {
    let world = try begun(), other = try EnforcerWorld(beside: world)
    var start = other.start("c2")
    (start.subject.podName, start.subject.podUID) = ("other", "other")
    try world.enforcer.activate(start, profile: profile("db"), expectsFilter: false)
    let before = world.kernel.steps
    let audit = try world.enforcer.begin(ask(scope), now: Self.second)
    #expect(world.kernel.steps == before + ["open"])
    #expect(audit.containers.map(\.containerID) == ["c1"] && audit.audit.deadline.seconds == 61)
    #expect(try deadline(world)?.seconds == 61)
    #expect(try deadline(other) == nil)
    #expect(world.enforcer.endOverdueAudits(now: 61 * Self.second) == [audit])
    #expect(try deadline(world) == nil && world.enforcer.audits.isEmpty)
  }

  @Test("a container that starts later in the scope has the deadline in its one entry")
  func later() throws {
    let world = try begun()
    let deadline = try world.enforcer.begin(ask(.profile("web"))).audit.deadline
    let later = try EnforcerWorld(beside: world)
    let before = world.kernel.steps.count
    try world.enforcer.activate(later.start("c2"), profile: profile(), expectsFilter: false)
    #expect(Array(world.kernel.steps.dropFirst(before)) == ["entrypoint", "volumes", "attach", "open"])
    #expect(try self.deadline(later) == deadline)
    #expect(world.enforcer.audits.map { $0.containers.map(\.containerID) } == [["c1", "c2"]])
  }

  @Test("a changed profile keeps the deadline")
  func reload() throws {
    let world = try begun()
    let deadline = try world.enforcer.begin(ask(.container("c1"))).audit.deadline
    let former = world.kernel.rows[try world.cgroupID]?.revision
    try world.enforcer.replace(profile("web", "/y"))
    #expect(world.kernel.rows[try world.cgroupID]?.revision != former)
    #expect(try self.deadline(world) == deadline)
  }

  @Test("the latest deadline holds; where one of two audits ends, the other one goes on")
  func overlapping() throws {
    let world = try begun()
    _ = try world.enforcer.begin(ask(.profile("web"), 100), now: 0)
    _ = try world.enforcer.begin(ask(.container("c1"), 50), now: 0)
    #expect(try deadline(world)?.seconds == 100)
    #expect(try world.enforcer.endAudit(.profile("web")).map(\.audit.scope) == [.profile("web")])
    #expect(try deadline(world)?.seconds == 50)
    // The same scope again: a new deadline, also an earlier one.
    _ = try world.enforcer.begin(ask(.container("c1"), 10), now: 0)
    #expect(try deadline(world)?.seconds == 10)
    _ = try world.enforcer.endAudit(.container("c1"))
    #expect(try deadline(world) == nil)
  }

  @Test("what has no audit of its own cannot end it, and learns whose it is")
  func endOfNone() throws {
    let world = try begun()
    #expect(throws: AuditError.notAudited(.container("c1"), others: [])) {
      try world.enforcer.endAudit(.container("c1"))
    }
    _ = try world.enforcer.begin(ask(.profile("web")))
    #expect(throws: AuditError.notAudited(.container("c1"), others: [.profile("web")])) {
      try world.enforcer.endAudit(.container("c1"))
    }
  }

  @Test(
    "what is not there, or has nothing to audit, is refused",
    arguments: [
      (.container("c9"), .unknown(.container("c9"))), (.profile("db"), .unknown(.profile("db"))),
      (.pod(namespace: "ns", name: "other"), .unknown(.pod(namespace: "ns", name: "other"))),
      (.pod(namespace: "", name: ""), .unknown(.pod(namespace: "", name: ""))),
      (.podUID(""), .unknown(.podUID(""))), (.container("c2"), .unconfined(.container("c2"))),
    ] as [(AuditScope, AuditError)])
  func unknown(scope: AuditScope, error: AuditError) throws {
    let world = try begun(), unconfined = try EnforcerWorld(beside: world)
    try world.enforcer.admit(unconfined.start("c2"), beforeGate: true)
    #expect(throws: error) { try world.enforcer.begin(ask(scope)) }
    #expect(world.enforcer.audits.isEmpty)
  }

  @Test("a profile that is there and that no container has can be audited, for those that start")
  func unusedProfile() throws {
    let world = try EnforcerWorld()
    var asked = ask(.profile("web"))
    asked.profileIsKnown = true
    let deadline = try world.enforcer.begin(asked).audit.deadline
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    #expect(try self.deadline(world) == deadline)
  }

  @Test("a closed container is refused, and closing one ends its audit")
  func closed() throws {
    let world = try begun()
    _ = try world.enforcer.begin(ask(.container("c1")))
    #expect(world.enforcer.close(world.start()) == nil)
    #expect(try deadline(world) == nil)
    #expect(throws: AuditError.closed(.container("c1"))) { try world.enforcer.begin(ask(.container("c1"))) }
  }

  @Test(
    "if one container of the scope has a profile that must not be softened, none is",
    arguments: [.pod(namespace: "ns", name: "pod"), .container("c2"), .profile("db")] as [AuditScope])
  func required(scope: AuditScope) throws {
    let world = try begun(), other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(other.start("c2"), profile: profile("db"), expectsFilter: false)
    let error = #expect(throws: AuditError.self) { try world.enforcer.begin(ask(scope, except: ["db"])) }
    #expect(error.map { "\($0)".contains("breakGlass: true") && "\($0)".contains("db") } == true)
    #expect(try deadline(world) == nil && deadline(other) == nil)
    _ = try world.enforcer.begin(ask(scope))
    #expect(try deadline(other) != nil)
  }

  @Test("a container that starts later with such a profile does not get the pod's audit")
  func requiredLater() throws {
    let world = try begun(), later = try EnforcerWorld(beside: world)
    _ = try world.enforcer.begin(ask(.podUID("uid"), except: ["db"]))
    try world.enforcer.activate(later.start("c2"), profile: profile("db"), expectsFilter: false)
    #expect(try deadline(world) != nil)
    #expect(try deadline(later) == nil)
  }

  @Test("if the kernel does not take an entry, nothing is changed, also not the audit before")
  func undone() throws {
    let world = try begun(), other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(other.start("c2"), profile: profile(), expectsFilter: false)
    _ = try world.enforcer.begin(ask(.profile("web"), 10), now: 0)
    let (kernel, written) = (world.kernel, Monitor(0))
    // c1 is written, and c2 is not.
    kernel.during("open") {
      if written.withLock({
        $0 += 1; return $0
      }) == 2 {
        kernel.refuseOnce("open")
      }
    }
    let error = #expect(throws: AuditError.self) { try world.enforcer.begin(ask(.profile("web"), 20), now: 0) }
    #expect(error.map { "\($0)".hasSuffix("nothing was changed") } == true)
    #expect(try deadline(world)?.seconds == 10 && deadline(other)?.seconds == 10)
  }

  @Test("a container that cannot be given its old deadline back is named, and stays known")
  func kept() throws {
    let world = try begun(), other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(other.start("c2"), profile: profile(), expectsFilter: false)
    let (kernel, written) = (world.kernel, Monitor(0))
    kernel.during("open") {
      if written.withLock({
        $0 += 1; return $0
      }) == 2 {
        kernel.refuse("open")
      }
    }
    let error = #expect(throws: AuditError.self) { try world.enforcer.begin(ask(.profile("web"), 20), now: 0) }
    #expect(error.map { "\($0)".hasSuffix("still audited until the deadline: c1") } == true)
    #expect(try deadline(world)?.seconds == 20 && deadline(other) == nil)
    world.kernel.during("open") {}
    world.kernel.refuse()
    #expect(try world.enforcer.endAudit(.container("c1")).map(\.containers.count) == [1])
    #expect(try deadline(world) == nil)
  }

  @Test("an audit goes on under the next process, which knows its deadline, and can end it")
  func restart() throws {
    let world = try begun()
    let deadline = try world.enforcer.begin(ask(.profile("web"))).audit.deadline
    let next = try world.newEnforcer()
    try next.inherit()
    #expect(next.audits.map(\.audit.deadline) == [deadline])
    try next.adopt(world.start(), profile: profile(), expectsFilter: false)
    try next.settle(sandboxes: [])
    #expect(try self.deadline(world) == deadline)
    let audit = try #require(next.audits.first)
    #expect(next.audits.count == 1 && audit.audit.scope == .container("c1") && audit.audit.caller == nil)
    #expect(audit.containers.map(\.containerID) == ["c1"])
    // The scope in which it once began.
    _ = try next.endAudit(.profile("web"))
    #expect(try self.deadline(world) == nil && next.audits.isEmpty)
  }

  @Test("an audit does not go on for a profile that the configuration has come to require")
  func restartUnderAnotherConfiguration() throws {
    let world = try begun()
    _ = try world.enforcer.begin(ask(.profile("web")))
    let next = try world.newEnforcer()
    try next.inherit()
    try next.adopt(world.start(), profile: profile(), expectsFilter: false)
    try next.settle(sandboxes: [], unsoftened: ["other"])
    #expect(try deadline(world) != nil && next.audits.count == 1)
    try next.settle(sandboxes: [], unsoftened: ["web"])
    #expect(try deadline(world) == nil && next.audits.isEmpty)
  }

  @Test("a deadline that passed while no Stockade ran is taken away")
  func overWhileAway() throws {
    let world = try begun()
    var row = try #require(world.kernel.rows[try world.cgroupID])
    row.audit = AuditDeadline(seconds: 1)
    try world.kernel.put(row)
    let next = try world.newEnforcer()
    try next.inherit()
    #expect(try deadline(world) == nil && next.audits.isEmpty)
  }

  @Test("where no BPF runs there is no temporary audit")
  func noKernel() throws {
    let enforcer = Enforcer(
      kernel: nil, hierarchy: try CgroupHierarchy.current(), runtimeMountNamespace: 1, noKernelReason: "no BTF")
    let error = #expect(throws: AuditError.self) { try enforcer.begin(ask(.container("c1"))) }
    #expect(error.map { "\($0)".contains("no BTF") } == true)
  }

  @Test("there are at most 256 audits, and one of them can get another deadline")
  func limit() throws {
    let world = try EnforcerWorld()
    func ask(_ number: Int) -> Enforcer.Audit {
      var asked = self.ask(.profile("p\(number)"))
      asked.profileIsKnown = true
      return asked
    }
    for number in 0..<TemporaryAudit.countMax { _ = try world.enforcer.begin(ask(number)) }
    _ = try world.enforcer.begin(ask(0))
    #expect(throws: AuditError.tooMany) { try world.enforcer.begin(ask(TemporaryAudit.countMax)) }
  }
}
