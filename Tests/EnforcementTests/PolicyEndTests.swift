import BPF
import Compilation
import EnforcementTesting
import Policy
import Testing

@testable import Enforcement

/// The kernel's policies are listed before the table is locked. What happens in between must not be lost.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct PolicyEndTests {
  private let world: EnforcerWorld
  private let profile: Profile

  init() throws {
    world = try EnforcerWorld()
    var profile = Profile(name: "p", file: "p.yaml")
    profile.process = ProcessSection()
    self.profile = profile
  }

  /// What is found overdue at the list's time, and when the grace is over.
  private func overdue(_ listed: ListedPolicies) throws -> [Set<Revision>] {
    let now = ContinuousClock.now
    return try [now, now + ConfinementTable.policyGrace].map { time in
      try #require(world.enforcer.table).withLock { $0.overduePolicies(listed, now: time) }
    }
  }

  @Test("a policy that was written after the list stays")
  func writtenLater() throws {
    let listed = try ListedPolicies(of: world.kernel)
    try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    #expect(try overdue(listed) == [[], []])
  }

  @Test("a listed policy that a container got after the containers were listed stays")
  func usedLater() throws {
    try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    let row = try #require(world.kernel.rows[try world.cgroupID])
    try world.kernel.remove(row.cgroupID)
    let listed = try ListedPolicies(of: world.kernel)
    try world.kernel.put(row)
    #expect(try overdue(listed) == [[], []])
  }

  @Test("a listed policy that nobody has is overdue after its grace")
  func unused() throws {
    let left = Revision.random()
    try world.kernel.install(CompiledPolicy(), revision: left)
    #expect(try overdue(ListedPolicies(of: world.kernel)) == [[], [left]])
  }

  @Test("at a container's end its policy stays if the kernel has another container with it")
  func stillListed() throws {
    try world.enforcer.activate(world.start(), profile: profile, expectsFilter: false)
    let policies = world.kernel.policies
    try world.kernel.put(ContainerEntry(cgroupID: 1, revision: policies.first, state: .open))
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.policies == policies)
  }
}
