import BPF
import CStockade
import Enforcement
import Glibc
import Policy
import System
import Testing

/// Whose memory it is by which tasks are bound, and what becomes of them where there is none.
@Suite(
  .enabled(if: ExecBench.isPossible && LimitedCgroup.isPossible, "needs root and a memory controller"), .serialized)
struct ExecMemoryTests {
  @Test("what tasks are bound by is charged to the cgroup that it is to be made from")
  func charged() throws {
    let cgroup = try LimitedCgroup()
    let bench = try ExecBench(makers: cgroup.procs)
    #expect(bench.policy.shared.makingProblem == nil)
    let world = try ExecWorld(bench)
    try world.apply(.section(.allow))
    world.become()
    let before = try cgroup.use()
    #expect(world.run("threads(2000)") == "2000")
    #expect(try cgroup.use() - before > 2000 * MemoryLayout<stockade_mark>.size)
  }

  @Test("where they cannot be made from there, they are made all the same, and why not is known")
  func outOfReach() throws {
    let bench = try ExecBench(makers: "/sys/fs/cgroup/stockade-none/cgroup.procs")
    let problem = try #require(bench.policy.shared.makingProblem)
    #expect(problem.hasPrefix("cannot make the map "))
    #expect(problem.contains(" by way of /sys/fs/cgroup/stockade-none/cgroup.procs: "))
    let world = try ExecWorld(bench)
    try world.apply(.section(.block))
    #expect(try world.start(world.program("denied")) == "killed")
  }

  /// Takes all that is left of the cgroup's memory: every mark from now on is one too many.
  private func exhaust(_ cgroup: LimitedCgroup, _ world: ExecWorld) throws {
    try cgroup.limit(bytes: cgroup.use() + 4096)
    // What the kernel had set aside for marks goes first, of which each processor has its own.
    world.run("os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})")
    for _ in 0..<50 {
      let before = try failures(world)
      try #require(world.run("threads(100)") == "100")
      if try failures(world) - before == 100 { return }
    }
    Issue.record("there was memory for every thread")
  }

  private func failures(_ world: ExecWorld) throws -> UInt64 {
    try world.bench.policy.counters()[.markFailed]
  }

  @Test(
    "at tier signal a child that there is no memory to mark is bound all the same: wherever it goes, and so are its own"
  )
  func unmarked() throws {
    let cgroup = try LimitedCgroup()
    let bench = try ExecBench(makers: cgroup.procs)
    let world = try ExecWorld(bench)
    let denied = try world.program("denied"), allowed = try world.program("allowed")
    try world.apply(.section(.allow, .path(denied, .block)))
    world.become()
    try exhaust(cgroup, world)
    world.run("children = [Sleeper() for _ in range(4)]")
    world.run("[join('\(NetworkBench.cgroupRoot)', child.pid) for child in children]")
    for child in 0...1 { #expect(world.run("children[\(child)].exec('\(denied)')") == "killed") }
    try cgroup.limit(bytes: 1 << 30)
    // What fails makes the kernel set memory aside for the next.
    world.run("threads(20)")
    #expect(world.run("children[2].exec('\(allowed)')") == "ran")
    #expect(world.run("children[3].exec('\(denied)')") == "killed")
    #expect(world.run("run('\(allowed)')") == "ran")
    #expect(world.run("run('\(denied)')") == "killed")
    world.actor.end()
    #expect(try bench.count("strays", UInt32(0)) == 0)
  }

  @Test("without memory for marks a container has its share of children, and no more live")
  func share() throws {
    let cgroup = try LimitedCgroup()
    let bench = try ExecBench(makers: cgroup.procs)
    let world = try ExecWorld(bench), innocent = try ExecWorld(bench)
    for world in [world, innocent] {
      try world.apply(.section(.allow))
      world.become()
    }
    try exhaust(cgroup, world)
    let before = try bench.count("strays", UInt32(0))
    try world.setStrayCount(UInt32(STOCKADE_STRAYS_OF_CONTAINER_MAX) - 3)
    world.run("children = []")
    // Now and then there is memory for some marks again.
    for _ in 0..<20 where try bench.policy.counters()[.straysFull] == 0 {
      world.run("children += sleepers(20)")
    }
    #expect(try bench.policy.counters()[.straysFull] > 0)
    #expect(try bench.count("strays", UInt32(0)) <= before + 3)
    innocent.run("children = sleepers(20)")
    #expect(innocent.run("len([1 for child in children if os.waitpid(child.pid, os.WNOHANG)[0] == 0])") == "20")
    for world in [world, innocent] { world.run("end(children)") }
  }

  @Test("containers with running tasks that there is no memory to mark are named")
  func running() throws {
    let cgroup = try LimitedCgroup()
    let bench = try ExecBench(makers: cgroup.procs)
    let world = try ExecWorld(bench), other = try ExecWorld(bench)
    try other.apply(.section(.allow))
    other.become()
    // More than any processor has memory set aside for.
    world.run("threads(2000)")
    try exhaust(cgroup, other)
    try world.apply(.section(.allow))
    #expect(try bench.policy.markRunningTasks().contains(world.cgroupID))
    try cgroup.limit(bytes: 1 << 30)
    #expect(try bench.policy.markRunningTasks().isEmpty)
  }
}

/// A cgroup of the hierarchy that counts memory, in which there is nothing but what a test charges to it.
final class LimitedCgroup {
  static var isPossible: Bool { MemoryRoot.found.procs != nil }

  let folder: String
  var procs: String { "\(folder)/cgroup.procs" }
  private let isV1: Bool

  init() throws {
    let root = Files.folder(of: MemoryRoot.found.procs!)
    isV1 = Files.exists("\(root)/release_agent")
    folder = "\(root)/stockade-test-memory-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    if !isV1 { try Files.write("+memory", to: "\(root)/cgroup.subtree_control") }
    try Files.makeFolder(folder)
  }

  deinit { rmdir(folder) }

  func use() throws -> Int {
    let text = try Files.text("\(folder)/\(isV1 ? "memory.usage_in_bytes" : "memory.current")")
    return try #require(Int(text.split(separator: "\n")[0]))
  }

  func limit(bytes: Int) throws {
    try Files.write("\(bytes)", to: "\(folder)/\(isV1 ? "memory.limit_in_bytes" : "memory.max")")
  }
}
