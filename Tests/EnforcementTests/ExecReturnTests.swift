import BPF
import Enforcement
import Glibc
import Policy
import System
import Testing

/// The program at the way back to the user, alone: as if the one at the exec were skipped each time. Only x86 has it.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .enabled(if: isX86, "no x86_fpu_regs_activated"), .serialized)
struct ExecReturnTests {
  private let bench: ExecBench
  private let world: ExecWorld

  init() throws {
    bench = try ExecBench(judging: { try $0.judgeReturns() })
    world = try ExecWorld(bench)
  }

  @Test("an exec that nobody has judged is judged before the program's first instruction, and reported once")
  func judges() throws {
    let (denied, allowed) = (try world.program("denied"), try world.program("allowed"))
    let argument = ArgumentRule(kind: .equals, text: "evil", index: nil, action: .block)
    try world.apply(.section(.allow, .path(denied, .block), .path(allowed, .allow, argument)))
    #expect(world.run("runs(50, '\(denied)')") == "['killed']")
    #expect(world.run("runs(50, '\(allowed)')") == "['ran']")
    #expect(world.run("run('\(allowed)', 'fine')") == "ran")
    #expect(world.run("run('\(allowed)', 'evil')") == "killed")
    #expect(world.events.count == 51)
  }

  @Test("what ran in a container before it was confined runs on, and what it executes then is judged")
  func adoption() throws {
    let program = try world.program("program")
    try world.apply(.section(.block), ranBefore: true)
    #expect(world.run("1 + 1") == "2")
    _ = try bench.policy.markRunningTasks()
    try world.enter()
    #expect(world.run("1 + 1") == "2")
    #expect(world.run("run('\(program)')") == "killed")
  }

  @Test("it is attached while there is a container, and no longer")
  func attached() throws {
    func isAttached() -> Bool { Files.exists("\(bench.folder)/links/exec_return") }
    #expect(!isAttached())
    try world.apply(.section(.allow))
    #expect(isAttached())
    try bench.policy.removeContainer(world.cgroupID)
    #expect(!isAttached())
  }

  private var wanted: NodeConfiguration.NodeGate {
    var gate = NodeConfiguration.NodeGate()
    (gate.enabled, gate.parents) = (true, ["/stockade-test-nowhere"])
    return gate
  }

  @Test("it is attached before the node gate holds anybody back, and as long as that is closed")
  func nodeGate() throws {
    let pin = "\(bench.folder)/links/exec_return"
    let closing = NodeGateClosing(bench.policy.nodeGate, root: NetworkBench.cgroupRoot)
    _ = try closing.close(wanted)
    #expect(Files.exists(pin))
    try bench.policy.sweepStrays()
    #expect(Files.exists(pin))
    try closing.open()
    try bench.policy.sweepStrays()
    #expect(!Files.exists(pin))
  }

  @Test("where a command has closed the node gate, it is attached at the next look")
  func closedByCommand() throws {
    let pin = "\(bench.folder)/links/exec_return"
    let command = try #require(try NodeGate.pinned(in: bench.folder))
    _ = try NodeGateClosing(command, root: NetworkBench.cgroupRoot).close(wanted)
    #expect(!Files.exists(pin))
    #expect(bench.policy.mend().isEmpty)
    #expect(Files.exists(pin))
    try call("take it away") { unlink(pin) }
    #expect(bench.policy.mend().flatMap(\.gone) == ["exec_return"], "that is damage")
    #expect(Files.exists(pin))
  }

  @Test("a process that ends takes away no more than its own, and the next container finds it missing")
  func shared() throws {
    let pin = "\(bench.folder)/links/exec_return"
    try world.apply(.section(.allow))
    let next = try PolicyMaps(pinFolder: bench.folder, runtimeMountNamespace: ExecBench.mountNamespace())
    try next.judgeReturns()
    try bench.policy.removeContainer(world.cgroupID)
    #expect(Files.exists(pin), "it is the next process's")
    try call("take it away") { unlink(pin) }
    try next.put(
      ContainerEntry(cgroupID: world.cgroupID, revision: world.revision, state: .open))
    #expect(Files.exists(pin))
    try next.removeContainer(world.cgroupID)
    #expect(!Files.exists(pin))
  }
}

private var isX86: Bool {
  #if arch(x86_64)
    true
  #else
    false
  #endif
}
