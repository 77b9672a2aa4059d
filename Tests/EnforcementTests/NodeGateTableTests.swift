import CStockade
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
  private var gates: [UInt64: stockade_gate_state] { world.kernel.gateStates }

  init() throws { (pod, world) = (try PodFolder(), try EnforcerWorld()) }

  @Test("a pod that needs no gate is freed: without an entry it would be closed")
  func needsNone() throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, STOCKADE_GATE_CLOSED, sandbox: nil)
    try world.enforcer.openGate(pod.sandbox("s1"))
    #expect(gates == [pod.id: STOCKADE_GATE_FREE])
    // One that is older than the node gate, and of which the kernel knows nothing, is as it was.
    let older = try PodFolder()
    try world.enforcer.openGate(older.sandbox("s2"))
    #expect(gates == [pod.id: STOCKADE_GATE_FREE])
  }

  @Test("a pod that is freed is closed when its containers need it, and freed again when they do not")
  func freedAndClosed() throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, STOCKADE_GATE_FREE, sandbox: nil)
    #expect(try world.enforcer.closeGate(pod.sandbox("s1")) == 0)
    #expect(gates == [pod.id: STOCKADE_GATE_CLOSED])
    try world.enforcer.openGate(pod.sandbox("s1"))
    #expect(gates == [pod.id: STOCKADE_GATE_FREE])
  }

  @Test("a static pod that is exempt is never closed, whatever its containers need")
  func exempt() throws {
    world.kernel.closeNodeGate(exempt: [pod.uid])
    #expect(try world.enforcer.closeGate(pod.sandbox("s1")) == 0)
    #expect(gates == [pod.id: STOCKADE_GATE_FREE])
    let other = try PodFolder()
    #expect(try world.enforcer.closeGate(other.sandbox("s2")) == 0)
    #expect(gates[other.id] == STOCKADE_GATE_CLOSED)
  }

  @Test("a gate lasts as long as its pod's cgroup, whether or not a sandbox or a process is left")
  func sweep() throws {
    world.kernel.closeNodeGate()
    _ = try world.enforcer.closeGate(pod.sandbox("s1"))
    world.enforcer.forgetSandbox("s1")
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: STOCKADE_GATE_CLOSED])
    #expect(try !world.enforcer.removeIfUnused(), "it holds on without a Stockade")
    let gone = try PodFolder()
    _ = try world.enforcer.closeGate(gone.sandbox("s2"))
    world.enforcer.forgetSandbox("s2")
    rmdir(gone.directory)
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: STOCKADE_GATE_CLOSED])
  }

  @Test("a sandbox whose process is in another cgroup than the one that ran as the sandbox's is refused")
  func anotherCgroup() throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess()
    let ran = stockade_sandbox(first_child: 1, bound: 1, shim_start_ticks: 1, shim_tgid: 1, refused: 3)
    try world.kernel.setGate(pod.id, STOCKADE_GATE_CLOSED, sandbox: ran)
    let error = #expect(throws: EnforcementError.self) {
      try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid)))
    }
    let text = "its sandbox's process is in cgroup \(child.cgroup), and 1 was let run as such"
    #expect("\(error.map { "\($0)" } ?? "")".contains(text))
    #expect(try world.kernel.sandbox(pod.id)?.first_child == 1, "nothing was changed")
  }

  @Test(
    "it is not refused where the kernel knows of no sandbox, or the runtime of no process",
    arguments: [0, STOCKADE_SANDBOX_NONE, STOCKADE_SANDBOX_UNKNOWN])
  func noOtherCgroup(first: UInt64) throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess()
    try world.kernel.setGate(pod.id, STOCKADE_GATE_CLOSED, sandbox: stockade_sandbox(first_child: first))
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid))) == 0)
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .unknown)) == 0)
    #expect(gates == [pod.id: STOCKADE_GATE_CLOSED])
  }

  @Test("without the node gate the daemon's own word on the sandbox counts")
  func withoutNodeGate() throws {
    let child = try pod.makeProcess()
    try world.kernel.setGate(pod.id, STOCKADE_GATE_CLOSED, sandbox: stockade_sandbox(first_child: 1))
    #expect(try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid))) == 0)
    #expect(try world.kernel.sandbox(pod.id)?.first_child == child.cgroup)
  }

  private static func claim(_ child: UInt64, bound: UInt64 = 0, refused: UInt32 = 0) -> stockade_sandbox {
    stockade_sandbox(first_child: child, bound: bound, shim_start_ticks: 0, shim_tgid: 0, refused: refused)
  }

  @Test("a sandbox's cgroup in which no process ever was keeps no other one out for long")
  func unusedClaim() throws {
    world.kernel.closeNodeGate()
    let child = pod.directory + "/sandbox"
    try Files.makeFolder(child)
    defer { rmdir(child) }
    let id = try Cgroup(directory: child).id
    func first() throws -> UInt64? { try world.kernel.sandbox(pod.id)?.first_child }
    try world.kernel.setGate(
      pod.id, STOCKADE_GATE_CLOSED, sandbox: Self.claim(id, refused: 3))
    for _ in 1..<ConfinementTable.unusedLooks { try world.enforcer.openGoneGates() }
    #expect(try first() == id, "the runtime may only be slow")
    try world.enforcer.openGoneGates()
    #expect(try first() == 0 && world.kernel.sandbox(pod.id)?.refused == 3)
    #expect(gates == [pod.id: STOCKADE_GATE_CLOSED])
  }

  @Test(
    "one with a process keeps it, and so does one that has begun, and a pod of which that is not known",
    arguments: [0, 1])
  func usedClaim(bound: UInt64) throws {
    world.kernel.closeNodeGate()
    let child = try pod.makeProcess().cgroup
    let unknown = try PodFolder()
    try world.kernel.setGate(pod.id, STOCKADE_GATE_CLOSED, sandbox: Self.claim(child, bound: bound))
    try world.kernel.setGate(
      unknown.id, STOCKADE_GATE_CLOSED, sandbox: stockade_sandbox(first_child: STOCKADE_SANDBOX_UNKNOWN))
    if bound != 0 { pod.endProcess() }
    for _ in 0...ConfinementTable.unusedLooks { try world.enforcer.openGoneGates() }
    #expect(try world.kernel.sandbox(pod.id)?.first_child == child)
    #expect(try world.kernel.sandbox(unknown.id)?.first_child == STOCKADE_SANDBOX_UNKNOWN)
  }

  @Test("what is left of pods that are gone is taken away, free ones and halves too")
  func goneRows() throws {
    world.kernel.closeNodeGate()
    let gone = try (0..<3).map { _ in try PodFolder() }
    try world.kernel.setGate(gone[0].id, STOCKADE_GATE_FREE, sandbox: nil)
    try world.kernel.setGate(gone[1].id, STOCKADE_GATE_CLOSED, sandbox: nil)
    world.kernel.setSandbox(gone[2].id, stockade_sandbox())
    world.kernel.setSandbox(pod.id, stockade_sandbox())
    for pod in gone { rmdir(pod.directory) }
    try world.enforcer.inherit()
    #expect(gates.isEmpty && world.kernel.sandboxIDs == [pod.id], "who makes that one may be at it")
  }

  @Test(
    "a new Stockade takes over gates that are closed, and leaves parents and freed pods to the kernel",
    arguments: [STOCKADE_GATE_FREE, STOCKADE_GATE_PARENT, STOCKADE_GATE_NEW_PARENT])
  func inherited(state: stockade_gate_state) throws {
    world.kernel.closeNodeGate()
    try world.kernel.setGate(pod.id, state, sandbox: nil)
    try world.enforcer.inherit()
    try world.enforcer.settle(sandboxes: [])
    try world.enforcer.openGoneGates()
    #expect(gates == [pod.id: state])
  }
}
