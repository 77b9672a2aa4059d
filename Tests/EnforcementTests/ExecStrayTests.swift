import BPF
import CBPF
import CStockade
import Compilation
import Enforcement
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
    var process = Self.noProcess, stray = stockade_stray(cgroup_id: 1, start_ns: 0)
    while bpf_map_update_elem(map, &process, &stray, UInt64(BPF_NOEXIST)) == 0 { process += 1 }
    try #require(errno == E2BIG)
  }

  private static let noProcess: UInt32 = 1 << 30

  private func isRemembered(_ process: Int32, _ bench: ExecBench) throws -> Bool {
    try stray(process, bench) != nil
  }

  private func stray(_ process: Int32, _ bench: ExecBench) throws -> stockade_stray? {
    var key = UInt32(process), found = stockade_stray()
    return bpf_map_lookup_elem(try strays(bench), &key, &found) == 0 ? found : nil
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

  /// From Linux 6.13 on programs can kill another process than the current one.
  private static let killsOthers = stockade_kernel_has("bpf_send_signal_task") == 1

  /// Whether a process is over, or is so within a second; its parent need not have asked.
  private func ends(_ process: Int32) -> Bool {
    for _ in 0..<100 {
      let fields = (try? Files.text("/proc/\(process)/stat"))?.split(separator: ")").last?.split(separator: " ")
      if fields?.first.map({ $0 == "Z" || $0 == "X" }) ?? true { return true }
      usleep(10000)
    }
    return false
  }

  @Test("of a stray that forks when no more can be remembered one is killed, and the other is remembered")
  func forkWhenFull() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    let parent = world.actor.processID
    world.run("os.chdir('\(world.folder)')")
    world.run("join('\(NetworkBench.cgroupRoot)')")
    try fillStrays(bench)
    #expect(try isRemembered(parent, bench))
    let answer = world.run(Self.fork)
    let child = try #require(Int32(Self.killsOthers ? answer : try Files.text("\(world.folder)/pid")))
    defer { kill(child, SIGKILL) }
    if !Self.killsOthers { #expect(answer.contains("broken pipe")) }
    #expect(ends(Self.killsOthers ? child : parent))
    #expect(try isRemembered(child, bench) == !Self.killsOthers)
    #expect(try isRemembered(parent, bench) == Self.killsOthers)
  }

  @Test("who leaves its container's cgroup when no more can be remembered is killed; one who is moved, or its mover")
  func moveWhenFull() throws {
    let bench = try ExecBench()
    try fillStrays(bench)
    let first = try worldWithProcess(bench), second = try worldWithProcess(bench)
    #expect(first.run("join('\(NetworkBench.cgroupRoot)')").contains("broken pipe"))
    second.run("os.chdir('\(second.folder)')")
    let child = try #require(Int32(second.run(Self.fork)))
    defer { kill(child, SIGKILL) }
    let answer = second.run("join('\(NetworkBench.cgroupRoot)', \(child))")
    if Self.killsOthers { #expect(ends(child)) } else { #expect(answer.contains("broken pipe")) }
    #expect(try bench.policy.counters()[.straysFull] == 2)
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

  @Test("what goes over its container's share is killed, and no other container's stray is")
  func share() throws {
    let bench = try ExecBench()
    let greedy = try worldWithProcess(bench), innocent = try worldWithProcess(bench)
    try greedy.setStrayCount(UInt32(STOCKADE_STRAYS_OF_CONTAINER_MAX))
    #expect(greedy.run("join('\(NetworkBench.cgroupRoot)')").contains("broken pipe"))
    #expect(innocent.run("join('\(NetworkBench.cgroupRoot)')") == "ok")
    #expect(innocent.run("1") == "1")
    #expect(try isRemembered(innocent.actor.processID, bench))
    #expect(try bench.policy.counters()[.straysFull] == 1)
  }

  @Test("each stray counts once, whichever of its threads leaves and forks, until it comes back or ends")
  func counted() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    #expect(try world.strayCount() == 0)
    world.run("threads(3)")
    world.run("join('\(NetworkBench.cgroupRoot)')")
    world.run("threads(3)")
    #expect(try world.strayCount() == 1)
    world.run("children = sleepers(5)")
    #expect(try world.strayCount() == 6)
    #expect(try bench.count("strays", UInt32(0)) == 6)
    world.run("join('\(world.cgroupPath)')")
    #expect(try world.strayCount() == 5)
    try bench.policy.removeContainer(world.cgroupID)
    #expect(try world.strayCount() == 5, "what is left of a container goes on being counted")
    world.run("end(children)")
    #expect(try world.strayCount() == 0)
  }

  @Test("a sweep forgets strays that are over, whose number others may have by now, and corrects the counts")
  func sweep() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    let host = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    world.run("join('\(NetworkBench.cgroupRoot)')")
    for process in [UInt32(host.processID), Self.noProcess] {
      var process = process, stray = stockade_stray(cgroup_id: world.cgroupID.number, start_ns: 0)
      try call("add a stray") { bpf_map_update_elem(try! strays(bench), &process, &stray, UInt64(BPF_NOEXIST)) }
    }
    try world.setStrayCount(UInt32(STOCKADE_STRAYS_OF_CONTAINER_MAX))
    try bench.policy.sweepStrays()
    #expect(try world.strayCount() == 1)
    #expect(try isRemembered(world.actor.processID, bench))
    #expect(try bench.count("strays", UInt32(0)) == 1)
    world.actor.end()
    try bench.policy.removeContainer(world.cgroupID)
    try bench.policy.sweepStrays()
    #expect(try world.strayCount() == nil)
  }

  @Test("what has the number of a stray that is over is nobody's")
  func reused() throws {
    let bench = try ExecBench()
    let world = try worldWithProcess(bench)
    try world.apply(.section(.block))
    let program = try world.program("program")
    let host = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    world.run("join('\(NetworkBench.cgroupRoot)')")
    var stray = try #require(try stray(world.actor.processID, bench)), process = UInt32(host.processID)
    try call("add a stray") { bpf_map_update_elem(try! strays(bench), &process, &stray, UInt64(BPF_ANY)) }
    #expect(host.run("run('\(program)')") == "ran")
  }

  @Test("a stray makes no internet socket while its container has network rules, or is gone")
  func sockets() throws {
    let bench = try ExecBench()
    let programs = try NetworkPrograms(
      shared: bench.policy.shared, pinFolder: bench.folder, rootCgroupPath: NetworkBench.cgroupRoot)
    defer { try? programs.removeAll() }
    let world = try worldWithProcess(bench)
    try applyNetwork(world, .section(.block))
    world.run("import socket")
    #expect(world.run("join('\(NetworkBench.cgroupRoot)')") == "ok")
    for family in ["AF_INET", "AF_INET6"] {
      #expect(world.run("socket.socket(socket.\(family), socket.SOCK_DGRAM).close()") == "EPERM")
    }
    #expect(world.run("socket.socket(socket.AF_UNIX).close()") == "ok")
    let event = try #require(world.events.last)
    #expect(event.kind == .socket && event.reason == .leftCgroup)
    #expect(event.process?.pid == UInt32(world.actor.processID))
    try applyNetwork(world, nil)
    #expect(world.run("socket.socket().close()") == "ok")
    try bench.policy.removeContainer(world.cgroupID)
    #expect(world.run("socket.socket().close()") == "EPERM")
    try setStart(of: world.actor.processID, bench, to: 1)
    #expect(world.run("socket.socket().close()") == "ok", "an earlier process of that number was the stray")
  }

  private func applyNetwork(_ world: ExecWorld, _ egress: NetworkDirection?) throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.network.egress = egress
    let revision = world.bench.nextRevision()
    let compiled = try PolicyCompiler.compile(profile).reduced(
      to: .signal, hasNetwork: true, withoutNewExecutables: false)
    try world.bench.policy.install(compiled, revision: revision)
    try world.enter(revision: revision)
  }

  private func setStart(of process: Int32, _ bench: ExecBench, to start: UInt64) throws {
    var key = UInt32(process), stray = try #require(try stray(process, bench))
    stray.start_ns = start
    try call("change a stray") { bpf_map_update_elem(try! strays(bench), &key, &stray, UInt64(BPF_EXIST)) }
  }
}

extension ExecWorld {
  /// How many strays the container is said to have; nil: it is not known.
  func strayCount() throws -> UInt32? {
    let map = try #require(try bench.policy.shared.descriptor("stray_counts")).number
    var key = cgroupID, count: UInt32 = 0
    return bpf_map_lookup_elem(map, &key, &count) == 0 ? count : nil
  }

  func setStrayCount(_ count: UInt32) throws {
    let map = try #require(try bench.policy.shared.descriptor("stray_counts")).number
    var key = cgroupID, count = count
    try call("set how many strays there are") { bpf_map_update_elem(map, &key, &count, UInt64(BPF_EXIST)) }
  }
}
