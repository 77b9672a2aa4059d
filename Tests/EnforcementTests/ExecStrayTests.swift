import CBPF
import CStockade
import Glibc
import Policy
import System
import Testing

/// Processes that left their container's cgroup, as far as the kernel remembers them.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecStrayTests {
  /// A world whose actor is a process of the container.
  private func worldWithProcess(_ bench: ExecBench) throws -> ExecWorld {
    let world = try ExecWorld(bench)
    try world.apply(.section(.allow))
    world.become()
    return world
  }

  private func strays(_ bench: ExecBench) throws -> Int32 {
    try #require(try bench.policy.shared.descriptor("strays")).number
  }

  /// Takes what is left of the table for processes that there are none of: their ids are greater than any.
  private func fillStrays(_ bench: ExecBench) throws {
    let map = try strays(bench)
    var process = Self.noProcess, cgroup: UInt64 = 1
    while bpf_map_update_elem(map, &process, &cgroup, UInt64(BPF_NOEXIST)) == 0 { process += 1 }
    try #require(errno == E2BIG)
  }

  private static let noProcess: UInt32 = 1 << 30

  private func isRemembered(_ process: Int32, _ bench: ExecBench) throws -> Bool {
    var key = UInt32(process), cgroup: UInt64 = 0
    return bpf_map_lookup_elem(try strays(bench), &key, &cgroup) == 0
  }

  @Test("a stray that ends is forgotten")
  func forgotten() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    world.run("join('\(NetworkBench.cgroupRoot)')")
    #expect(try bench.count("strays", UInt32(0)) == 1)
    world.actor.end()
    #expect(try bench.count("strays", UInt32(0)) == 0)
  }

  @Test("a stray counts as long as it lives, whatever becomes of its container; what is left of a dead one does not")
  func living() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    #expect(try !bench.policy.hasStrays())
    world.run("join('\(NetworkBench.cgroupRoot)')")
    #expect(try bench.policy.hasStrays())
    try bench.policy.removeContainer(world.cgroupID)
    #expect(try bench.policy.hasStrays())
    world.actor.end()
    try fillStrays(bench)
    #expect(try !bench.policy.hasStrays())
  }

  /// Its child lets go of the actor's stream, writes down its pid and lives on.
  private static let fork =
    "os.fork() or [open('pid', 'w').write(str(os.getpid())), os.close(0), os.close(1), signal.pause()]"

  @Test("a stray that forks when no more can be remembered is killed, and its child is remembered in its place")
  func forkWhenFull() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    world.run("os.chdir('\(world.folder)')")
    world.run("join('\(NetworkBench.cgroupRoot)')")
    try fillStrays(bench)
    #expect(try isRemembered(world.actor.processID, bench))
    #expect(world.run(Self.fork).contains("broken pipe"))
    let child = try #require(Int32(try Files.text("\(world.folder)/pid")))
    defer { kill(child, SIGKILL) }
    #expect(try isRemembered(child, bench))
    #expect(try !isRemembered(world.actor.processID, bench))
  }

  @Test("who leaves its container's cgroup when no more can be remembered is killed, and so is who moves another")
  func moveWhenFull() throws {
    let bench = try ExecBench()
    try fillStrays(bench)
    let first = try worldWithProcess(bench), second = try worldWithProcess(bench)
    #expect(first.run("join('\(NetworkBench.cgroupRoot)')").contains("broken pipe"))
    second.run("os.chdir('\(second.folder)')")
    let child = try #require(Int32(second.run(Self.fork)))
    defer { kill(child, SIGKILL) }
    #expect(second.run("join('\(NetworkBench.cgroupRoot)', \(child))").contains("broken pipe"))
    #expect(try bench.policy.counters()[Int(STOCKADE_STRAYS_FULL.rawValue)] == 2)
  }

  @Test("who is of no container may move a stray when no more can be remembered")
  func movedWhenFull() throws {
    let bench = try ExecBench()
    try fillStrays(bench)
    let world = try worldWithProcess(bench)
    let host = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    #expect(host.run("join('\(NetworkBench.cgroupRoot)', \(world.actor.processID))") == "ok")
    #expect(world.run("1") == "1")
  }
}
