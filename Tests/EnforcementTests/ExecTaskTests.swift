import CStockade
import Glibc
import Policy
import System
import Testing

/// Whom a policy binds: the mark, from the first exec in the container on, wherever the task goes.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecTaskTests {
  /// A world whose actor is a process of the container, with one program denied and one allowed.
  private func marked() throws -> (world: ExecWorld, denied: String, allowed: String) {
    let world = try ExecWorld()
    let denied = try world.program("denied"), allowed = try world.program("allowed")
    try world.apply(.section(.block, .path(world.interpreter, .allow), .path(allowed, .allow)))
    world.become()
    return (world, denied, allowed)
  }

  private func expectBound(_ world: ExecWorld, _ denied: String, _ allowed: String) {
    #expect(world.start(denied) == "killed")
    #expect(world.start(allowed) == "ran")
  }

  @Test(
    "a process of the runtime's mount namespace may run anything in the container's cgroup, and so may its children")
  func runtime() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.block))
    let runtime = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    runtime.run("join('\(world.cgroupPath)')")
    #expect(runtime.run("runs(20, '\(denied)')") == "['ran']")
    runtime.run("join('\(NetworkBench.cgroupRoot)')")
    #expect(world.start(denied) == "killed")
  }

  @Test("a process outside of every container is not bound, whatever its mount namespace")
  func outside() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.block))
    world.run("join('\(NetworkBench.cgroupRoot)')")
    #expect(world.start(denied) == "ran")
  }

  @Test("vfork, posix_spawn, threads that fork and threads that exec are bound")
  func ways() throws {
    let (world, denied, allowed) = try marked()
    #expect(world.run("spawned('\(denied)')") == "killed")
    #expect(world.run("spawned('\(allowed)')") == "ran")
    #expect(world.run("from_threads('\(denied)', 16)") == "['killed']")
    #expect(world.run("from_threads('\(allowed)', 16)") == "['ran']")
    #expect(world.run("threaded('\(denied)')") == "killed")
    #expect(world.run("threaded('\(allowed)')") == "ran")
  }

  @Test("pid 1 of a pid namespace dies like any other")
  func firstProcess() throws {
    let (world, denied, allowed) = try marked()
    #expect(world.run("run_first('\(denied)')") == "killed")
    #expect(world.run("run_first('\(allowed)')") == "ran")
  }

  @Test("a nested cgroup belongs to its container, at any depth")
  func nested() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.block))
    let deep = world.cgroupPath + String(repeating: "/n", count: 80)
    try Files.makeFolder(deep)
    world.run("join('\(deep)')")
    #expect(world.start(denied) == "killed")
    #expect(world.events.map(\.cgroupID) == [world.cgroupID])
  }

  @Test("a container inside a container's cgroup has its own policy")
  func inner() throws {
    let outer = try ExecWorld(), inner = try ExecWorld()
    let program = try inner.program("program")
    try outer.apply(.section(.block))
    try inner.apply(.section(.allow))
    #expect(inner.start(program) == "ran")
    #expect(outer.start(program) == "killed")
  }

  @Test("a process that is moved to another cgroup stays bound, and the move is reported once")
  func moved() throws {
    let (world, denied, allowed) = try marked()
    world.run("join('\(NetworkBench.cgroupRoot)')")
    expectBound(world, denied, allowed)
    expectBound(world, denied, allowed)
    let left = world.events.filter { $0.kind == .left }
    #expect(left.compactMap { $0.process.map { "\($0.pid)" } } == [world.run("os.getpid()")])
    #expect(left.map(\.reason) == [.leftCgroup])
  }

  @Test("a process that comes back is no stray any more, and leaving again is reported again")
  func returned() throws {
    let (world, denied, allowed) = try marked()
    for _ in 0..<2 {
      world.run("join('\(NetworkBench.cgroupRoot)')")
      world.run("join('\(world.cgroupPath)')")
    }
    expectBound(world, denied, allowed)
    #expect(world.events.filter { $0.kind == .left }.count == 2)
  }

  @Test("a move within the container is not reported")
  func movedWithin() throws {
    let (world, denied, allowed) = try marked()
    try Files.makeFolder("\(world.cgroupPath)/inner")
    world.run("join('\(world.cgroupPath)/inner')")
    expectBound(world, denied, allowed)
    #expect(!world.events.contains { $0.kind == .left })
  }

  @Test("moving into another container's cgroup does not change whose a process is")
  func otherContainer() throws {
    let (world, denied, allowed) = try marked()
    let other = try ExecWorld()
    try other.apply(.section(.allow))
    world.run("join('\(other.cgroupPath)')")
    expectBound(world, denied, allowed)
    world.run("join('\(world.cgroupPath)')")
  }

  @Test("a mount namespace of its own, or the host's, frees no process of the container")
  func namespaces() throws {
    let (world, denied, allowed) = try marked()
    world.run("unshare(0x20000)")
    expectBound(world, denied, allowed)
    world.run("checked(libc.setns(os.open('/proc/\(getpid())/ns/mnt', os.O_RDONLY), 0x20000))")
    #expect(world.run("os.stat('/proc/self/ns/mnt').st_ino") == "\(try ExecBench.mountNamespace())")
    expectBound(world, denied, allowed)
  }

  @Test("a user namespace frees no process of the container")
  func userNamespace() throws {
    let (world, denied, allowed) = try marked()
    let answer = world.run("unshare(0x10020000)")
    #expect(answer == "ok")
    expectBound(world, denied, allowed)
  }

  @Test("a process that forked before the policy came has no mark, and is judged at its own exec")
  func forkedBefore() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    world.run("a = Sleeper()")
    try world.apply(.section(.block))
    #expect(world.run("a.exec('\(denied)')") == "killed")
  }

  @Test("tasks that already run are marked by the iterator, and then bound wherever they go")
  func adopted() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied"), allowed = try world.program("allowed")
    world.become()
    world.run("event = threading.Event()")
    world.run("threading.Thread(target=event.wait).start()")
    try world.apply(.section(.block, .path(allowed, .allow)))
    #expect(try world.bench.policy.markRunningTasks().isEmpty)
    world.run("join('\(NetworkBench.cgroupRoot)')")
    expectBound(world, denied, allowed)
    world.run("event.set()")
  }

  @Test("the iterator leaves the runtime's processes and those of closed containers alone")
  func notAdopted() throws {
    let world = try ExecWorld(), closed = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.block))
    try closed.apply(.section(.block))
    try closed.enter(state: .closed)
    let runtime = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    runtime.run("join('\(world.cgroupPath)')")
    #expect(try world.bench.policy.markRunningTasks().isEmpty)
    for actor in [runtime, closed.actor] {
      actor.run("join('\(NetworkBench.cgroupRoot)')")
      #expect(actor.run("run('\(program)')") == "ran")
    }
  }
}
