import CStockade
import EnforcementTesting
import Glibc
import Policy
import System
import Testing

@testable import Enforcement

/// Processes that sit below their container's cgroup: of systemd, Docker in Docker, Gitaly; of crun from the start on.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: processes must be put in a cgroup"))
struct BelowCgroupTests {
  @Test(
    "a container starts whose first process is below its cgroup", arguments: [["container"], ["a", "a/b", "a/b/c"]])
  func started(folders: [String]) throws {
    let world = try EnforcerWorld()
    for folder in folders { try world.moves(below: folder) }
    try world.enforcer.activate(world.start(), profile: filelessProfile(), expectsFilter: false)
    #expect(world.kernel.rows.keys.sorted() == [try world.cgroupID])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    #expect(try !world.enforcer.release("c1"), "a process is left below")
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.rows.isEmpty)
  }

  @Test("it is adopted as well, and gets a changed profile")
  func adopted() throws {
    let world = try EnforcerWorld()
    try world.moves(below: "init.scope")
    try world.enforcer.adopt(world.start(), profile: filelessProfile(), expectsFilter: false)
    let before = try #require(world.kernel.rows[try world.cgroupID])
    #expect(before.state == .open && before.ranBefore)
    var changed = filelessProfile()
    changed.process?.fileless = .audit
    try world.enforcer.replace(changed)
    #expect(world.kernel.rows[try world.cgroupID]?.revision != before.revision)
  }

  @Test("one beside it is not below it, and the message says what was expected")
  func beside() throws {
    let world = try EnforcerWorld()
    let own = world.directory + "-beside"
    try Files.makeFolder(own)
    defer { rmdir(own) }
    try Files.write("\(world.pid)", to: own + "/cgroup.procs")
    let error = #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: filelessProfile(), expectsFilter: false)
    }
    try Files.write("\(world.pid)", to: world.directory + "/cgroup.procs")
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("is neither in cgroup \(world.path) nor below it but in \(world.path)-beside"))
    #expect(!text.contains("driver"))
  }

  @Test("a container's cgroup that is nested deeper than programs look for it is refused")
  func depth() throws {
    let levels = Int(STOCKADE_CGROUP_LEVELS_MAX)
    func path(_ count: Int) -> String { String(repeating: "/a", count: count) }
    #expect(try CgroupPath(payload: path(levels)).path == path(levels))
    let error = #expect(throws: EnforcementError.self) { try CgroupPath(payload: path(levels + 1)) }
    #expect(error.map { "\($0)".contains("is nested deeper than \(levels) levels") } == true)
  }

  @Test(
    "a container that is adopted without the filter that its profile sets or requires is reported, and confined",
    .enabled(if: !EnforcerWorld.isFiltered, "the tests themselves run under a seccomp filter"),
    arguments: FailurePolicy.allCases)
  func withoutFilter(failure: FailurePolicy) throws {
    let world = try EnforcerWorld()
    var required = filelessProfile(failure: failure)
    required.requireFilter = true
    for (profile, expected) in [(filelessProfile(failure: failure), true), (required, false)] {
      let gaps = try world.enforcer.adopt(world.start(), profile: profile, expectsFilter: expected)
      #expect(gaps.map(\.subject).contains(expected ? "seccomp" : "requireFilter"))
      #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    }
    #expect(try world.enforcer.adopt(world.start(), profile: filelessProfile(), expectsFilter: false).isEmpty)
  }

  @Test("what ran before anything of ours was in force is reported, and is not once it is")
  func late() throws {
    let world = try EnforcerWorld()
    let gaps = try world.enforcer.adopt(world.start(), profile: filelessProfile(), expectsFilter: false)
    #expect(gaps.map(\.coverage) == [.partial])
    #expect(gaps[0].why.contains("ran before it was confined"))
    let again = try world.newEnforcer()
    #expect(try again.adopt(world.start(), profile: filelessProfile(), expectsFilter: false).isEmpty)
  }

  @Test("with failurePolicy Ignore, what can be enforced of a running container is, and the rest is told")
  func ignored() throws {
    let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    let world = try EnforcerWorld(runtimeMountNamespace: own)
    #expect(throws: EnforcementError.self) {
      try world.enforcer.adopt(world.start(), profile: filelessProfile(), expectsFilter: false)
    }
    var network = filelessProfile(failure: .ignore)
    network.network.egress = NetworkDirection()
    network.network.egress?.defaultAction = .block
    let gaps = try world.enforcer.adopt(world.start(), profile: network, expectsFilter: false)
    #expect(gaps.contains { $0.why.contains("shares the runtime's mount namespace") })
    #expect(world.kernel.attached.count == 1)

    let other = try EnforcerWorld()
    other.kernel.refuseOnce("attach")
    let lost = try other.enforcer.adopt(other.start(), profile: network, expectsFilter: false)
    #expect(lost.contains { $0.subject == "network.egress.defaultAction Block" })
    #expect(other.kernel.rows[try other.cgroupID]?.state == .open)
  }
}
