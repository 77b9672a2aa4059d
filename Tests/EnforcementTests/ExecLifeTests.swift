import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import Policy
import Synchronization
import System
import Testing

/// A container's way from the gate to its end, and that of the programs themselves.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct ExecLifeTests {
  /// Makes a sleeping child of the actor the pending init of the container.
  private func setEntrypoint(_ world: ExecWorld, _ sleeper: String, startedLater ticks: UInt64 = 0) throws {
    let start = world.run("open(f'/proc/{\(sleeper).pid}/stat').read().rsplit(')')[1].split()[19]")
    try world.bench.policy.setEntrypoint(
      world.cgroupID,
      ProcessIdentity(
        pid: UInt32(world.run("\(sleeper).pid"))!, startTicks: UInt64(start)! + ticks))
  }

  @Test("the entrypoint is the first exec of the payload's process, and only that one")
  func entrypoint() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    world.run("init, other = Sleeper(), Sleeper()")
    try setEntrypoint(world, "init")
    try world.apply(.section(.block, allowEntrypoint: true))
    #expect(world.run("other.exec('\(program)')") == "killed")
    #expect(world.run("init.exec('\(program)')") == "ran")
    world.run("init = Sleeper()")
    #expect(world.run("init.exec('\(program)')") == "killed")
  }

  @Test("only what was installed is removed of a policy; of one that another process installed, whatever is found")
  func removal() throws {
    let bench = try ExecBench.shared()
    var profile = Profile(name: "p", file: "p.yaml")
    let argument = ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)
    profile.process = .section(.allow, .path("/bin/a", .allow, argument), .path("/bin/b", .block))
    let revision = Revision(.random(in: 1 << 62...UInt64.max))
    func left() throws -> [Int] {
      [
        try bench.keys("policies", UInt64(0)).filter { $0 == revision.number }.count,
        try bench.keys("path_rules", stockade_path_key()).filter { $0.revision == revision.number }.count,
        try bench.keys("arguments", stockade_argument_key()).filter { $0.revision == revision.number }.count,
      ]
    }
    try bench.install(profile, revision: revision)
    #expect(try left() == [1, 2, 1])
    let another = stockade_path_key(revision: revision.number, hash: 1)
    let map = try bench.policy.shared.descriptor("path_rules")!.number
    #expect(bpf_map_update_elem(map, [another], [stockade_path_rule()], 0) == 0)
    try bench.policy.removePolicy(revision)
    #expect(try left() == [0, 1, 0], "nothing was listed")
    try bench.policy.removePolicy(revision)
    #expect(try left() == [0, 0, 0], "now it is unknown")
  }

  @Test("the entrypoint is had once, however often that process execs")
  func once() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    world.run("init = Sleeper()")
    try setEntrypoint(world, "init")
    try world.apply(.section(.block, allowEntrypoint: true))
    let script = "\(world.folder)/entrypoint"
    try Files.write("#!/bin/sh\nexec \(program)\n", to: script, mode: 0o755)
    #expect(world.run("init.exec('\(script)')") == "killed")
    #expect(world.events.map { String(decoding: $0.path, as: UTF8.self) } == [program])
  }

  @Test("the entrypoint's exception does not override a Block rule, and none is given without allowEntrypoint")
  func entrypointLimits() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    world.run("a, b = Sleeper(), Sleeper()")
    try setEntrypoint(world, "a")
    try world.apply(.section(.block, .path(program, .block), allowEntrypoint: true))
    #expect(world.run("a.exec('\(program)')") == "killed")
    try setEntrypoint(world, "b")
    try world.apply(.section(.block))
    #expect(world.run("b.exec('\(program)')") == "killed")
  }

  @Test("a process with the payload's pid and another start time is not the payload")
  func reusedPID() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    world.run("init = Sleeper()")
    try setEntrypoint(world, "init", startedLater: 1)
    try world.apply(.section(.block, allowEntrypoint: true))
    #expect(world.run("init.exec('\(program)')") == "killed")
  }

  @Test("children of the pending init are the runtime's hooks; once it has exec'ed they are the container's")
  func hooks() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    let start = world.run("open('/proc/self/stat').read().rsplit(')')[1].split()[19]")
    try world.bench.policy.setEntrypoint(
      world.cgroupID,
      ProcessIdentity(pid: UInt32(world.run("os.getpid()"))!, startTicks: UInt64(start)!))
    try world.apply(.section(.block, allowEntrypoint: true))
    #expect(world.start(program) == "ran")
    // A hook that is a script: the program is init's grandchild.
    #expect(world.start("/bin/sh", "-c", "\(program); exit") == "ran")
    world.become()
    #expect(world.start(program) == "killed")
  }

  /// A process behind a gate that has, as the runtime's init after its pivot_root, a root of its own with a program.
  private func behindGate() throws -> (world: ExecWorld, start: String) {
    let world = try ExecWorld()
    _ = try world.program("root/program")
    try Files.makeFolder("\(world.cgroupPath)/container")
    world.run("join('\(world.cgroupPath)/container')")
    try world.enter(state: .gate)
    return (world, "run_below('\(world.folder)/root', '/program')")
  }

  @Test("behind a gate nothing execs, until its container is open")
  func gate() throws {
    let (world, start) = try behindGate()
    #expect(world.run(start) == "killed")
    #expect(world.events.map(\.reason) == [.notOpen])
    let inner = try Cgroup(directory: "\(world.cgroupPath)/container").id
    defer { try? world.bench.policy.removeContainer(inner) }
    try world.bench.policy.put(ContainerEntry(cgroupID: inner, revision: nil, state: .open))
    #expect(world.run(start) == "ran")
  }

  @Test("behind a gate the runtime's hooks that still have its root run, and in a closed container they do not")
  func earlyHooks() throws {
    let (world, _) = try behindGate()
    let hook = try world.program("hook")
    #expect(world.start(hook) == "ran")
    try world.enter(state: .closed)
    #expect(world.start(hook) == "killed")
  }

  @Test("behind a gate a hook that has the container's root runs a memfd that is sealed, by its own descriptor alone")
  func sealedMemory() throws {
    let (world, _) = try behindGate()
    let root = "\(world.folder)/root"
    let program = "\(root)/program"
    #expect(world.run("run_sealed('\(root)', '\(program)', 0xf)") == "ran")
    for seals in [0, 1, 0xe, 0xd, 0xb, 0x7, 0x17] {
      #expect(world.run("run_sealed('\(root)', '\(program)', \(seals))") == "killed")
    }
    try Files.write("#!/program\n", to: "\(root)/script", mode: 0o755)
    #expect(world.run("run_sealed('\(root)', '\(root)/script', 0xf)") == "killed")
  }

  @Test("there it runs what lies neither on the root's file system nor on a mount in it, by its own descriptor")
  func openedBefore() throws {
    let (world, _) = try behindGate()
    let root = "\(world.folder)/root"
    // The actor is the hook: it executes itself behind the gate, with the runtime's root.
    world.become()
    world.run("os.makedirs('\(world.folder)/elsewhere')")
    world.run("mount('tmpfs', '\(world.folder)/elsewhere', 'tmpfs')")
    world.run("copy('\(root)/program', '\(world.folder)/elsewhere/program')")
    world.run("os.makedirs('\(root)/volume')")
    // The root is a mount, as a container's, and a volume of it another one.
    world.run("bind('\(root)', '\(root)')")
    world.run("bind('\(world.folder)/elsewhere', '\(root)/volume')")
    #expect(world.run("run_opened('\(root)', '\(world.folder)/elsewhere/program')") == "ran")
    #expect(world.run("run_opened('\(root)', '\(root)/program')") == "killed")
    #expect(world.run("run_opened('\(root)', '\(root)/volume/program')") == "killed")
    let told = world.events.last.map { String(decoding: $0.path, as: UTF8.self) }
    #expect(told == "\(root)/volume/program")
    #expect(world.events.last.map { String(decoding: $0.hook, as: UTF8.self) } == world.interpreter)
  }

  @Test("what was let go by its policy's end runs what it wants, marked or not")
  func letGo() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.block, .path(world.interpreter, .allow)))
    world.become()
    #expect(world.start(denied) == "killed")
    try world.enter(revision: 0)
    #expect(world.start(denied) == "ran")
  }

  @Test("in a closed container nothing execs, marked or not, in mode Audit too")
  func closed() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow), mode: .audit)
    world.run("other = Sleeper()")
    world.become()
    #expect(world.start(program) == "ran")
    try world.enter(state: .closed)
    #expect(world.start(program) == "killed")
    #expect(world.events.last?.effect == .killed)
  }

  @Test("an unmarked process of a closed container may not exec")
  func closedUnmarked() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow))
    try world.enter(state: .closed)
    #expect(world.start(program) == "killed")
  }

  @Test("a policy that is replaced holds at once for what already runs")
  func replaced() throws {
    let world = try ExecWorld()
    let a = try world.program("a"), b = try world.program("b")
    try world.apply(.section(.allow, .path(a, .block)))
    world.become()
    for _ in 0..<10 {
      #expect([a, b].map { world.start($0) } == ["killed", "ran"])
      try world.apply(.section(.allow, .path(b, .block)))
      #expect([a, b].map { world.start($0) } == ["ran", "killed"])
      try world.apply(.section(.allow, .path(a, .block)))
    }
  }

  @Test("a policy that changes while programs start never lets a denied one through")
  func replacedMeanwhile() throws {
    let world = try ExecWorld()
    let denied = try world.program("denied")
    try world.apply(.section(.allow, .path(denied, .block)))
    world.run("answers = []")
    world.run("thread = threading.Thread(target=lambda: answers.append(runs(150, '\(denied)')))")
    world.run("thread.start()")
    while world.run("thread.is_alive()") == "True" { try world.apply(.section(.allow, .path(denied, .block))) }
    #expect(world.run("answers") == "[['killed']]")
  }

  @Test("when a container is removed its processes may exec nothing, wherever they are")
  func removed() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow))
    world.become()
    try world.bench.policy.removeContainer(world.cgroupID)
    #expect(world.start(program) == "killed")
    world.run("join('\(NetworkBench.cgroupRoot)')")
    #expect(world.start(program) == "killed")
    #expect(world.events.map(\.reason) == [.policyGone, .policyGone])
  }

  @Test("a container whose policy is missing may exec nothing")
  func policyMissing() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(.section(.allow))
    try world.bench.policy.removePolicy(#require(world.revision))
    #expect(world.start(program) == "killed")
    #expect(world.events.map(\.reason) == [.undecided])
  }

  @Test("a profile without a process section binds no exec")
  func withoutSection() throws {
    let world = try ExecWorld()
    let program = try world.program("program")
    try world.apply(nil)
    #expect(world.start(program) == "ran")
    #expect(world.run("run_memory('\(program)')") == "ran")
  }

  @Test("removing policies leaves no rule behind, and keeps those that are wanted")
  func policiesRemoved() throws {
    let bench = try ExecBench()
    let world = try ExecWorld(bench)
    let a = try world.program("a")
    let words = ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)
    try world.apply(.section(.block, .path(a, .allow, words)))
    let wanted = try #require(world.revision)
    var profile = Profile(name: "other", file: "other.yaml")
    profile.process = .section(.block, .path("/x", .allow, words), .directory("/y", .allow))
    try bench.install(profile, revision: Revision(1 << 40))
    #expect(try bench.count("path_rules", stockade_path_key()) == 3)
    try bench.policy.removePolicies(except: [wanted])
    #expect(try bench.count("path_rules", stockade_path_key()) == 1)
    #expect(try bench.count("arguments", stockade_argument_key()) == 1)
    #expect(try bench.count("policies", UInt64(0)) == 1)
    #expect(world.start(a) == "ran")
  }

  @Test("the next process takes over maps and containers from the pins, and replaces the programs")
  func takenOver() throws {
    let bench = try ExecBench()
    let world = try ExecWorld(bench)
    let denied = try world.program("denied")
    try world.apply(.section(.allow, .path(denied, .block)))
    let before = try Files.names(in: "\(bench.folder)/links")
    let second = try PolicyMaps(pinFolder: bench.folder, runtimeMountNamespace: ExecBench.mountNamespace())
    try second.judgeExecs(filesAreJudged: false)
    #expect(try second.containers().map(\.cgroupID) == [world.cgroupID])
    #expect(try Files.names(in: "\(bench.folder)/links") == before)
    #expect(world.start(denied) == "killed")
    // As the earlier process does when it looks after its pins next.
    #expect(try !bench.policy.isInCharge())
    bench.policy.letGo()
    // One program judges, not two: else each start had two events.
    #expect(
      eventually {
        let before = world.events.count
        return world.start(denied) == "killed" && world.events.count == before + 1
      })
    // The hash keys are the same, so a policy of the second one is found as well.
    world.run("join('\(world.cgroupPath)')")
    try second.removePolicies(except: [])
    #expect(world.start("/bin/true") == "killed")
  }

  @Test("what an earlier process attached at another tier is taken out, and what is the network programs' stays")
  func othersDetached() throws {
    let bench = try ExecBench()
    let links = "\(bench.folder)/links"
    let link = FileDescriptor(owning: try call("open a link") { bpf_obj_get("\(links)/exec_signal") })
    try call("make a folder") { mkdir("\(links)/7", 0o700) }
    let (fork, other) =
      bench.policy.tracepointProblem == nil ? ("mark_fork", "mark_wakeup") : ("mark_wakeup", "mark_fork")
    for name in ["7/egress", "strays", other, "mark_fork_new", "lsm_exec_check", "fmod_ret_exec_check"] {
      try call("pin \(name)") { bpf_obj_pin(link.number, "\(links)/\(name)") }
    }
    try bench.policy.detachOthers()
    let left = try Files.names(in: links).sorted()
    let pods = ["pods_mkdir", "pods_populated", "pods_rmdir"]
    #expect(left == (["7", "exec_signal", "mark_exit", fork, "mark_move", "strays"] + pods).sorted())
    #expect(try Files.names(in: "\(links)/7") == ["egress"])
  }

  @Test(
    "forks of other threads are not taken for the one that tells whether the kernel interrupts programs",
    .enabled(if: linuxMajor < 7, "this kernel can interrupt programs at tracepoints"))
  func preemptionTrialAmongForks() throws {
    let ends = Atomic(false)
    let threads = try (0..<2).map { _ in
      try Thread {
        while !ends.load(ordering: .relaxed) {
          guard let child = try? spawn("/bin/true", ["true"], streams: [], ownGroup: false) else { return }
          waitpid(child, nil, 0)
        }
      }
    }
    defer {
      ends.store(true, ordering: .relaxed)
      for thread in threads { thread.join() }
    }
    for _ in 0..<5 {
      let problem = try ExecBench().policy.tracepointProblem
      #expect(problem == nil)
    }
  }

  @Test("an entrypoint that starts while both an old and a new program judge is let through by both, and once")
  func entrypointWhileTakenOver() throws {
    let bench = try ExecBench()
    let world = try ExecWorld(bench)
    let program = try world.program("program")
    let old = FileDescriptor(owning: try call("open a link") { bpf_obj_get("\(bench.folder)/links/exec_signal") })
    defer { withExtendedLifetime(old) {} }
    try bench.policy.judgeExecs(filesAreJudged: false)
    world.run("init, next = Sleeper(), Sleeper()")
    try setEntrypoint(world, "init")
    try world.apply(.section(.block, allowEntrypoint: true))
    #expect(world.run("init.exec('\(program)')") == "ran")
    #expect(world.events.isEmpty)
    // That process execs once more: it had its exception.
    try setEntrypoint(world, "next")
    let script = "\(world.folder)/entrypoint"
    try Files.write("#!/bin/sh\nexec \(program)\n", to: script, mode: 0o755)
    #expect(world.run("next.exec('\(script)')") == "killed")
    #expect(Set(world.events.map(\.path)) == [Array(program.utf8)])
  }

  @Test("without pins nothing judges any more")
  func unpinned() throws {
    let bench = try ExecBench()
    let world = try ExecWorld(bench)
    let denied = try world.program("denied")
    try world.apply(.section(.block))
    #expect(world.start(denied) == "killed")
    // As the network programs do for each container.
    let hooks = "\(bench.folder)/links/7"
    try call("make \(hooks)") { mkdir(hooks, 0o700) }
    let map = try #require(try bench.policy.shared.descriptor("containers"))
    try call("pin below \(hooks)") { bpf_obj_pin(map.number, "\(hooks)/bind4") }
    try bench.policy.unpinAll()
    #expect(!Files.exists(bench.folder))
    #expect(eventually { world.start(denied) == "ran" })
  }

  @Test("a pin folder that is on no bpf file system is refused with what to do")
  func noBPFFileSystem() throws {
    #expect {
      _ = try PolicyMaps(pinFolder: "/tmp/stockade-test-pins", runtimeMountNamespace: 1)
    } throws: {
      "\($0)".contains("mount -t bpf")
    }
  }

  @Test("the self-test sees a forbidden exec killed, and leaves nothing")
  func proof() throws {
    let bench = try ExecBench.shared()
    let (id, path) = try killed(bench)
    #expect(try bench.policy.container(id) == nil)
    #expect(bench.events(of: id).map(\.reason) == [.defaultAction])
    #expect(!Files.exists(path))
  }

  private func killed(_ bench: ExecBench) throws -> (CgroupID, cgroup: String) {
    let probe = try TierProbe(cgroupRoot: NetworkBench.cgroupRoot)
    #expect(try probe.run(bench.policy) == .killed)
    return (probe.cgroupID, probe.path)
  }

  @Test("the self-test sees that programs are detached")
  func disproof() throws {
    let bench = try ExecBench()
    bench.policy.letGo()
    for name in try Files.names(in: "\(bench.folder)/links") { unlink("\(bench.folder)/links/\(name)") }
    let probe = try TierProbe(cgroupRoot: NetworkBench.cgroupRoot)
    // The program answers `version` with 0, or does not know the word: what counts is that it runs.
    #expect(
      try eventually {
        if case .notStopped = try probe.run(bench.policy) { return true }
        return false
      })
  }

  @Test("of a container that came and went nothing is left: no cgroup, folder, process, map entry or rule")
  func nothingLeft() throws {
    let bench = try ExecBench()
    var world: ExecWorld? = try ExecWorld(bench)
    let program = try #require(try world?.program("program"))
    let words = ArgumentRule(kind: .equals, text: "x", index: nil, action: .block)
    try world?.apply(.section(.block, .path(program, .allow, words), allowEntrypoint: true))
    #expect(world?.start(program, "x") == "killed")
    let cgroup = try #require(world?.cgroupPath), folder = try #require(world?.folder)
    let pid = try #require(world?.actor.processID)
    world = nil
    #expect(!Files.exists(cgroup) && !Files.exists(folder) && kill(pid, 0) == -1)
    #expect(try bench.policy.containers().isEmpty)
    for map in ["policies", "entrypoints", "rate"] { #expect(try bench.count(map, UInt64(0)) == 0) }
    #expect(try bench.count("path_rules", stockade_path_key()) == 0)
    #expect(try bench.count("arguments", stockade_argument_key()) == 0)
    #expect(try bench.count("strays", UInt32(0)) == 0)
  }

  /// The kernel detaches a program some time after its last link is gone: tries until then, each try being a start.
  private func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    try (0..<1000).contains { _ in try condition() }
  }
}

/// Of uname(2).
private var linuxMajor: Int {
  var system = utsname()
  uname(&system)
  return withUnsafeBytes(of: system.release) { Int(String(decoding: $0.prefix { $0 != 0x2e }, as: UTF8.self)) ?? 0 }
}
