import BPF
import Enforcement
import EnforcementTesting
import Policy
import Testing

/// A running container whose network programs somebody has taken away.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct SuspensionTests {
  private let world: EnforcerWorld
  private let broken: Damage

  init() throws {
    world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: Profile(name: "p", file: "p.yaml"), expectsFilter: false)
    broken = Damage(.network(try world.cgroupID), detached: ["egress"], problem: "no memory")
  }

  private var state: ContainerEntry.State? { get throws { world.kernel.rows[try world.cgroupID]?.state } }

  /// Until something is found, or each container had its turn.
  private func mend() -> [Damage]? {
    for _ in 1..<LookTurns.count {
      let found = world.enforcer.mend()
      if found != [] { return found }
    }
    return world.enforcer.mend()
  }

  @Test("a look is at some of the containers, all have their turn, and at all where something is or was wrong")
  func turns() throws {
    let profile = Profile(name: "p", file: "p.yaml")
    let others = try (2...20).map { _ in try EnforcerWorld(beside: world) }
    for (number, other) in zip(2..., others) {
      try other.enforcer.activate(other.start("c\(number)"), profile: profile, expectsFilter: false)
    }
    func looks() -> Int {
      _ = world.enforcer.mend()
      return world.kernel.looks.exchange(0, ordering: .relaxed)
    }
    #expect((0..<LookTurns.count).reduce(0) { sum, _ in sum + looks() } == 20)
    world.kernel.check.withLock { $0 = .inCharge([Damage(.maps, gone: ["rate"])]) }
    #expect(looks() == 20)
    world.kernel.check.withLock { $0 = .inCharge([]) }
    #expect(looks() == 20)
    #expect((0..<LookTurns.count).reduce(0) { sum, _ in sum + looks() } == 20)
    world.kernel.check.withLock { $0 = .replaced }
    #expect(looks() == 0)
    world.kernel.check.withLock { $0 = .inCharge([]) }
    #expect(looks() == 20, "what a newer process did to each")
    world.kernel.networkDamage.withLock { $0 = broken }
    _ = mend()
    #expect(world.kernel.looks.exchange(0, ordering: .relaxed) >= 20)
  }

  @Test("it is closed while they cannot be attached again, and open once they can")
  func closed() throws {
    world.kernel.networkDamage.withLock { $0 = broken }
    for _ in 0..<2 {
      #expect(mend() == [broken])
      #expect(try state == .closed)
    }
    world.kernel.networkDamage.withLock { $0 = nil }
    #expect(mend() == [])
    #expect(try state == .open)
    #expect(world.kernel.steps.suffix(2) == ["close", "open"])
  }

  @Test("it stays open where they could be attached at once")
  func mended() throws {
    var damage = broken
    damage.problem = nil
    world.kernel.networkDamage.withLock { $0 = damage }
    #expect(mend() == [damage])
    #expect(try state == .open)
  }

  @Test("what is only not pinned closes nothing, and is told of all containers at once")
  func notPinned() throws {
    let other = try EnforcerWorld(beside: world)
    try other.enforcer.activate(other.start("c2"), profile: Profile(name: "p", file: "p.yaml"), expectsFilter: false)
    world.kernel.networkDamage.withLock { $0 = Damage(.network(1), gone: ["egress", "ingress"], problem: "full") }
    #expect(mend() == [Damage(.networkPins, gone: ["ns/pod/app", "ns/pod/app"], problem: "full")])
    #expect(try state == .open)
  }

  @Test("while programs of all containers are not attached, it is closed too; what is let run unconfined is not")
  func nodeIsOpen() throws {
    let unconfined = try EnforcerWorld(beside: world)
    try unconfined.enforcer.admit(unconfined.start("c2"), beforeGate: true)
    let damage = Damage(.programs, detached: ["exec_signal"], problem: "no memory")
    world.kernel.check.withLock { $0 = .inCharge([damage]) }
    #expect(mend() == [damage])
    #expect(try state == .closed)
    #expect(world.kernel.rows[try unconfined.cgroupID]?.state == .open)
    world.kernel.check.withLock { $0 = .inCharge([]) }
    #expect(mend() == [])
    #expect(try state == .open)
  }

  @Test("one that has ended meanwhile, and has processes left, is not opened")
  func ended() throws {
    world.kernel.networkDamage.withLock { $0 = broken }
    _ = mend()
    #expect(try !world.enforcer.release("c1"))
    world.kernel.networkDamage.withLock { $0 = nil }
    #expect(mend() == [])
    #expect(try state == .closed)
  }

  @Test("a reload meanwhile gives it the new text, and does not open it")
  func reloaded() throws {
    world.kernel.networkDamage.withLock { $0 = broken }
    _ = mend()
    let before = world.kernel.rows[try world.cgroupID]?.revision
    var changed = Profile(name: "p", file: "p.yaml")
    changed.mode = .audit
    try world.enforcer.replace(changed)
    #expect(world.kernel.rows[try world.cgroupID]?.revision != before)
    #expect(try state == .closed)
    world.kernel.networkDamage.withLock { $0 = nil }
    #expect(mend() == [])
    #expect(try state == .open)
  }

  @Test("that it cannot be closed, or opened again, is told, and tried again")
  func refused() throws {
    world.kernel.networkDamage.withLock { $0 = broken }
    world.kernel.refuseOnce("close")
    let problem = mend()?.first?.problem
    #expect(problem?.contains("no memory; the container cannot be closed: cannot close") == true)
    #expect(mend() == [broken])
    world.kernel.networkDamage.withLock { $0 = nil }
    world.kernel.refuseOnce("open")
    #expect(mend()?.first?.problem?.contains("cannot be opened again: cannot open") == true)
    #expect(mend() == [])
    #expect(try state == .open)
  }

  @Test("while a newer process looks after the pins nothing is looked at")
  func replaced() throws {
    world.kernel.check.withLock { $0 = .replaced }
    world.kernel.networkDamage.withLock { $0 = broken }
    #expect(mend() == nil)
    #expect(try state == .open)
  }
}
