import BPF
import EnforcementTesting
import Glibc
import System
import Testing

@testable import Enforcement

/// What the daemon does to the gates of pods while the node gate is closed.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct NodeGateTableTests {
  private let pod: PodFolder
  private let world: EnforcerWorld
  private var gates: [CgroupID: GateState] { world.kernel.gateStates }

  init() throws { (pod, world) = (try PodFolder(), try EnforcerWorld()) }

  @Test("a pod that needs no gate is freed: without an entry it would be closed")
  func needsNone() throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, .closed, sandbox: nil)
    try world.enforcer.openGate(pod.sandbox("s1"))
    #expect(gates == [pod.id: .free])
    // One that is older than the node gate, and of which the kernel knows nothing, is as it was.
    let older = try PodFolder()
    try world.enforcer.openGate(older.sandbox("s2"))
    #expect(gates == [pod.id: .free])
  }

  @Test("a pod that is freed is closed when its containers need it, and freed again when they do not")
  func freedAndClosed() throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, .free, sandbox: nil)
    #expect(try world.enforcer.closeGate(pod.sandbox("s1")) == 0)
    #expect(gates == [pod.id: .closed])
    try world.enforcer.openGate(pod.sandbox("s1"))
    #expect(gates == [pod.id: .free])
  }

  @Test("a static pod that is exempt is never closed, whatever its containers need")
  func exempt() throws {
    world.kernel.closeNodeGate(exempt: [pod.uid])
    #expect(try world.enforcer.closeGate(pod.sandbox("s1")) == 0)
    #expect(gates == [pod.id: .free])
    let other = try PodFolder()
    #expect(try world.enforcer.closeGate(other.sandbox("s2")) == 0)
    #expect(gates[other.id] == .closed)
  }

  @Test("a gate lasts as long as its pod's cgroup, whether or not a sandbox or a process is left")
  func sweep() throws {
    world.kernel.closeNodeGate()
    _ = try world.enforcer.closeGate(pod.sandbox("s1"))
    world.enforcer.forgetSandbox("s1")
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: .closed])
    #expect(try !world.enforcer.removeIfUnused(), "it holds on without a Stockade")
    let gone = try PodFolder()
    _ = try world.enforcer.closeGate(gone.sandbox("s2"))
    world.enforcer.forgetSandbox("s2")
    rmdir(gone.directory)
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: .closed])
  }

  @Test("a sandbox whose process is in another cgroup than the one that ran as the sandbox's is refused")
  func anotherCgroup() throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess()
    let ran = SandboxEntry(
      firstChild: .cgroup(1), bound: 1, shim: ProcessIdentity(pid: 1, startTicks: 1), refused: 3)
    try world.kernel.setGate(pod.id, .closed, sandbox: ran)
    let error = #expect(throws: EnforcementError.self) {
      try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid)))
    }
    let text = "its sandbox's process is in cgroup \(child.cgroup), and 1 was let run as such"
    #expect("\(error.map { "\($0)" } ?? "")".contains(text))
    #expect(try world.kernel.sandbox(pod.id)?.cgroup == 1, "nothing was changed")
  }

  @Test(
    "it is not refused where the kernel knows of no sandbox, or the runtime of no process",
    arguments: [.awaited, .noProcess, .unknown] as [SandboxEntry.FirstChild])
  func noOtherCgroup(first: SandboxEntry.FirstChild) throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess()
    try world.kernel.setGate(pod.id, .closed, sandbox: SandboxEntry(firstChild: first))
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid))) == 0)
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .unknown)) == 0)
    #expect(gates == [pod.id: .closed])
  }

  @Test("without the node gate the daemon's own word on the sandbox counts")
  func withoutNodeGate() throws {
    let child = try pod.makeProcess()
    try world.kernel.setGate(pod.id, .closed, sandbox: SandboxEntry(firstChild: .cgroup(1)))
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid))) == 0)
    #expect(try world.kernel.sandbox(pod.id)?.cgroup == child.cgroup)
  }

  @Test("a sandbox's cgroup in which no process ever was keeps no other one out for long")
  func unusedClaim() throws {
    world.kernel.closeNodeGate()
    let child = pod.directory + "/sandbox"
    try Files.makeFolder(child)
    defer { rmdir(child) }
    let id = try Cgroup(directory: child).id
    func first() throws -> SandboxEntry.FirstChild? { try world.kernel.sandbox(pod.id)?.firstChild }
    try world.kernel.setGate(
      pod.id, .closed, sandbox: SandboxEntry(firstChild: .cgroup(id), refused: 3))
    for _ in 1..<ConfinementTable.unusedLooks { try world.enforcer.openGoneGates() }
    #expect(try first() == .cgroup(id), "the runtime may only be slow")
    try world.enforcer.openGoneGates()
    #expect(try first() == .awaited && world.kernel.sandbox(pod.id)?.refused == 3)
    #expect(gates == [pod.id: .closed])
  }

  @Test("a sandbox that got a process after the look, or gave its place to another one, keeps its place")
  func claimedAfterLook() throws {
    world.kernel.closeNodeGate()
    let child = pod.directory + "/sandbox"
    try Files.makeFolder(child)
    defer { rmdir(child) }
    let id = try Cgroup(directory: child).id
    let unused = SandboxEntry(firstChild: .cgroup(id))
    let root = try #require(world.enforcer.hierarchy.root)
    for later in [SandboxEntry(firstChild: .cgroup(id), bound: 7), SandboxEntry(firstChild: .cgroup(8))] {
      try world.kernel.setGate(pod.id, .closed, sandbox: unused)
      for _ in 1..<ConfinementTable.unusedLooks { try world.enforcer.openGoneGates() }
      let found = try UnusedClaim.all(of: world.kernel, root: root, CgroupWatch())
      #expect(found.map(\.cgroup.id) == [id])
      try world.kernel.setGate(pod.id, .closed, sandbox: later)
      let overdue = try #require(world.enforcer.table?.withLock { $0.overdueClaims(found) })
      #expect(overdue.map(\.pod) == [pod.id])
      for claim in overdue { try world.enforcer.table?.withLock { table in try table.endClaim(claim) } }
      #expect(try world.kernel.sandbox(pod.id) == later)
    }
  }

  @Test(
    "one with a process keeps it, and so does one that has begun, and a pod of which that is not known",
    arguments: [nil, 1])
  func usedClaim(bound: CgroupID?) throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess().cgroup
    let unknown = try PodFolder()
    try world.kernel.setGate(pod.id, .closed, sandbox: SandboxEntry(firstChild: .cgroup(child), bound: bound))
    try world.kernel.setGate(
      unknown.id, .closed, sandbox: SandboxEntry(firstChild: .unknown))
    if bound != nil { pod.endProcess() }
    for _ in 0...ConfinementTable.unusedLooks { try world.enforcer.openGoneGates() }
    #expect(try world.kernel.sandbox(pod.id)?.cgroup == child)
    #expect(try world.kernel.sandbox(unknown.id)?.firstChild == .unknown)
  }

  @Test("what is left of pods that are gone is taken away, free ones and halves too")
  func goneRows() throws {
    world.kernel.closeNodeGate()
    let gone = try (0..<3).map { _ in try PodFolder() }
    try world.kernel.setGate(gone[0].id, .free, sandbox: nil)
    try world.kernel.setGate(gone[1].id, .closed, sandbox: nil)
    world.kernel.setSandbox(gone[2].id, SandboxEntry(firstChild: .awaited))
    world.kernel.setSandbox(pod.id, SandboxEntry(firstChild: .awaited))
    for pod in gone { rmdir(pod.directory) }
    try world.enforcer.inherit()
    #expect(gates.isEmpty && world.kernel.sandboxIDs == [pod.id], "who makes that one may be at it")
  }

  @Test(
    "a new Stockade takes over gates that are closed, and leaves parents and freed pods to the kernel",
    arguments: [.free, .parent, .newParent] as [GateState])
  func inherited(state: GateState) throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, state, sandbox: nil)
    try world.enforcer.inherit()
    try world.enforcer.settle(sandboxes: [])
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: state])
  }
}
