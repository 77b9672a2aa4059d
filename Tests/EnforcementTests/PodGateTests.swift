import BPF
import CBPF
import Glibc
import System
import Testing

/// Who may execute behind a pod's gate though nobody let it through: the process of the pod's sandbox, and no other.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct PodGateTests {
  @Test("the first cgroup that is made in a pod's is the sandbox's, and others are containers'")
  func firstChild() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    try world.make("sandbox")
    try world.make("container")
    #expect(world.start(shim, in: "container") == "killed")
    #expect(world.start(shim, in: "sandbox") == "ran")
    #expect(world.start(shim, in: "container") == "killed")
    #expect(try world.sandbox?.refused == 2)
    world.waitUntilEmpty("sandbox")
    #expect(try #require(try world.sandbox).bound == nil, "its process is over")
  }

  @Test("what lies deeper is its container's, whatever was made first")
  func nested() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    try world.make("sandbox")
    try world.make("container")
    try world.make("container/init")
    #expect(world.start(shim, in: "container/init") == "killed")
    try world.make("sandbox/init")
    #expect(world.start(shim, in: "sandbox/init") == "ran")
  }

  @Test(
    "when the sandbox's cgroup is gone, or is left behind empty, the next one is a sandbox's, but only by another shim",
    arguments: [true, false])
  func nextSandbox(isRemoved: Bool) throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    for round in 0..<3 {
      try world.make("sandbox\(round)")
      #expect(world.start(round == 0 ? shim : try world.shim(), in: "sandbox\(round)") == "ran")
      if isRemoved { world.remove("sandbox\(round)") } else { world.waitUntilEmpty("sandbox\(round)") }
    }
  }

  @Test("a container of a sandbox that is over is none of the next one's, whoever makes its cgroup first")
  func containerOfFormer() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    try world.make("sandbox")
    #expect(world.start(shim, in: "sandbox") == "ran")
    world.remove("sandbox")
    try world.make("container")
    #expect(world.start(shim, in: "container") == "killed")
    #expect(world.start(shim, in: "container") == "killed")
    // It has not used up what is the next sandbox's.
    try world.make("next")
    #expect(world.start(try world.shim(), in: "container") == "killed")
    #expect(world.start(try world.shim(), in: "next") == "ran")
  }

  @Test("a sandbox that the daemon wrote down is the sandbox; the kernel knows when it is over")
  func writtenDown() throws {
    let world = try PodWorld(), shim = try world.shim()
    let id = try world.make("sandbox")
    let ticks = try ProcessStat.startTicks(in: "/proc/\(shim.processID)")
    try world.close(
      SandboxEntry(
        firstChild: .cgroup(id), bound: id,
        shim: ProcessIdentity(pid: UInt32(shim.processID), startTicks: ticks)))
    try world.make("container")
    #expect(world.start(shim, in: "container") == "killed")
    #expect(world.start(shim, in: "sandbox") == "ran")
    #expect(try world.sandbox?.firstChild != .awaited || world.sandbox?.bound == nil, "it is the same shim's")
    world.remove("sandbox")
    try world.make("another")
    #expect(world.start(shim, in: "another") == "killed", "the same shim")
    try world.make("next")
    #expect(world.start(try world.shim(), in: "next") == "ran")
  }

  @Test("where the runtime starts no process for the sandbox, no cgroup is one's")
  func noProcess() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close(
      SandboxEntry(
        firstChild: .noProcess))
    for name in ["a", "b"] {
      try world.make(name)
      #expect(world.start(shim, in: name) == "killed")
      world.remove(name)
    }
  }

  @Test("in a pod that is older than its gate the next sandbox is the first one after nothing is left in it")
  func olderPod() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.make("old")
    shim.run("old = Sleeper()")
    shim.run("join('\(world.pod)/old', old.pid)")
    try world.close(
      SandboxEntry(
        firstChild: .unknown))
    try world.make("container")
    #expect(world.start(shim, in: "container") == "killed")
    shim.run("end([old])")
    world.waitUntilEmpty("old")
    try world.make("sandbox")
    #expect(world.start(try world.shim(), in: "sandbox") == "ran")
  }

  @Test("a pod that is free is as one without a gate, and who is let through a closed one runs")
  func free() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    try world.make("sandbox")
    let container = try world.make("container")
    #expect(world.start(shim, in: "container") == "killed")
    try world.bench.policy.setGate(world.podID, .free)
    #expect(world.start(shim, in: "container") == "ran")
    try world.close()
    #expect(world.start(shim, in: "container") == "killed")
    try world.bench.policy.put(
      ContainerEntry(cgroupID: container, revision: nil, state: .open))
    #expect(world.start(shim, in: "container") == "ran")
    world.remove("container")
    #expect(try world.bench.policy.container(container) == nil, "and is forgotten with its cgroup")
  }

  @Test("with the pod's cgroup its gate is gone, and so is what was known of its sandbox")
  func podGone() throws {
    let world = try PodWorld()
    try world.close()
    try world.make("sandbox")
    world.remove("sandbox")
    #expect(try world.sandbox != nil)
    removeCgroup(world.pod)
    #expect(try world.sandbox == nil)
    #expect(try world.bench.policy.gate(world.podID) == nil)
  }

  @Test("what was written of a sandbox goes with the pod's cgroup, though whoever wrote it was ended before the gate")
  func halfGone() throws {
    let world = try PodWorld()
    try world.close()
    var id = world.podID
    let gates = try #require(try world.bench.policy.shared.descriptor("gates"))
    try call("take the gate's half away") { bpf_map_delete_elem(gates.number, &id) }
    #expect(try world.sandbox != nil)
    removeCgroup(world.pod)
    #expect(try world.sandbox == nil)
  }

  @Test("of many that start at once in the sandbox's cgroup all are its shim's, and none in a container's")
  func atOnce() throws {
    let world = try PodWorld(), shim = try world.shim()
    try world.close()
    try world.make("sandbox")
    try world.make("container")
    // Without it the sandbox is over whenever none of them is left.
    shim.run("stays = Sleeper()")
    shim.run("join('\(world.pod)/sandbox', stays.pid)")
    defer { shim.run("end([stays])") }
    for (name, result) in [("sandbox", "['ran']"), ("container", "['killed']")] {
      shim.run("threads, answers = [], []")
      shim.run("one = lambda: answers.append(contain('\(world.pod)/\(name)', '\(world.folder)', '/program'))")
      shim.run("threads = [threading.Thread(target=one) for _ in range(16)]")
      shim.run("[thread.start() for thread in threads] and None")
      shim.run("[thread.join() for thread in threads] and None")
      #expect(shim.run("sorted(set(answers))") == result)
    }
  }
}
