import BPF
import CBPF
import Enforcement
import Glibc
import Policy
import System
import Testing

/// What root can do to pins and programs of a Stockade that runs, and how that is put right.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct DamageTests {
  private let bench: ExecBench
  private let world: ExecWorld
  private let denied: String
  private var links: String { "\(bench.folder)/links" }

  init() throws {
    bench = try ExecBench()
    world = try ExecWorld(bench)
    denied = try world.program("denied")
    try world.apply(.section(.allow, .path(denied, .block)))
  }

  /// Whether what was put right is: nothing is found any more, and with this process's own descriptors gone it goes on.
  private func isWhole() throws -> Bool {
    guard bench.policy.mend().isEmpty, world.start(denied) == "killed" else { return false }
    bench.policy.letGo()
    return (0..<20).allSatisfy { _ in world.start(denied) == "killed" }
  }

  @Test("where nothing was done, nothing is found")
  func untouched() throws {
    #expect(bench.policy.mend().isEmpty)
    #expect(try isWhole())
  }

  @Test("with all pins gone the programs run on, and the pins are made again")
  func pinsGone() throws {
    let before = (try Files.names(in: bench.folder), try Files.names(in: links))
    #expect(bench.policy.mend().isEmpty)
    removeTree(bench.folder)
    try #require(!Files.exists(bench.folder))
    for _ in 0..<20 { #expect(world.start(denied) == "killed") }
    #expect(try bench.policy.isInCharge())
    let found = bench.policy.mend()
    #expect(found.map(\.place) == [.maps, .programs])
    #expect(found.allSatisfy { $0.problem == nil && !$0.wasOpen && $0.replaced.isEmpty })
    #expect(found[0].gone.contains("containers") && found[1].gone.contains("exec_signal"))
    #expect(try (Files.names(in: bench.folder), Files.names(in: links)) == before)
    #expect(try isWhole())
  }

  @Test(
    "a single pin that is gone is found, however long the others were not changed",
    arguments: ["gates", "links/pods_rmdir"])
  func onePin(name: String) throws {
    // Until the folders count as settled.
    for _ in 0..<40 where bench.policy.mend().isEmpty { poll(nil, 0, 100) }
    try call("remove a pin") { unlink("\(bench.folder)/\(name)") }
    #expect(bench.policy.mend().map(\.gone) == [[name.split(separator: "/").last.map(String.init)!]])
    #expect(try isWhole())
  }

  @Test("programs that were detached are attached again")
  func detached() throws {
    bench.policy.letGo()
    removeTree(links)
    while world.start(denied) == "killed" {}
    let found = bench.policy.mend()
    #expect(found.map(\.place) == [.programs] && found.first?.wasOpen == true)
    #expect(found.first?.detached.contains("exec_signal") == true)
    #expect(try isWhole())
  }

  @Test("a pin of something else, of its kind or not, gives way")
  func replaced() throws {
    let (rate, program) = (try #require(try bench.policy.shared.descriptor("rate")), links + "/exec_signal")
    for path in ["\(bench.folder)/containers", program] {
      try call("remove a pin") { unlink(path) }
      try call("pin another map") { bpf_obj_pin(rate.number, path) }
    }
    try call("remove a pin") { unlink(links + "/mark_exit") }
    try call("make a link") { symlink("mark_move", links + "/mark_exit") }
    let found = bench.policy.mend()
    #expect(found.map(\.replaced) == [["containers"], ["exec_signal", "mark_exit"]])
    #expect(found.allSatisfy { $0.problem == nil && !$0.wasOpen })
    #expect(try isWhole())
  }

  @Test("what cannot be put right has a reason, and is found until it can")
  func unmendable() throws {
    let path = links + "/exec_signal"
    try call("remove a pin") { unlink(path) }
    try call("make a folder") { mkdir(path, 0o700) }
    for _ in 0..<2 {
      let found = bench.policy.mend()
      #expect(found.count == 1 && found.first?.problem?.contains("cannot rename") == true)
    }
    #expect(try !Files.names(in: links).contains("exec_signal_new"))
    try call("remove the folder") { rmdir(path) }
    #expect(bench.policy.mend() == [Damage(.programs, gone: ["exec_signal"])])
    #expect(try isWhole())
  }

  @Test("the newest process that lives looks after the pins")
  func users() throws {
    #expect(try bench.policy.isInCharge())
    do {
      let next = try PolicyMaps(pinFolder: bench.folder, runtimeMountNamespace: ExecBench.mountNamespace())
      try next.judgeExecs(filesAreJudged: false)
      #expect(try next.isInCharge() && !bench.policy.isInCharge())
      #expect(next.mend().isEmpty)
      removeTree("\(bench.folder)/users")
      #expect(try next.isInCharge() && !bench.policy.isInCharge())
      // One whose number is another process's by now.
      try call("make a folder") { mkdir("\(bench.folder)/users/99999999999999999999-\(getpid())-1", 0o700) }
      #expect(try next.isInCharge())
      bench.policy.letGo()
    }
    #expect(try bench.policy.isInCharge())
    #expect(bench.policy.mend().first?.detached.contains("exec_signal") == true)
    #expect(try isWhole())
  }
}

/// The same of a container's network programs.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkDamageTests {
  private let world: NetworkWorld
  private var programs: NetworkPrograms { world.bench.programs }
  private var folder: String { "\(world.bench.folder)/links/\(world.cgroupID)" }
  private let hooks = ["egress", "ingress", "connect4", "connect6", "sendmsg4", "sendmsg6"]

  init() throws {
    world = try NetworkWorld()
    try world.apply(egress: .section(.block))
  }

  private func mend() -> Damage? { programs.mend(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID) }

  private func isRefused() -> Bool { world.inside.run("connect(('10.9.0.2', 80))") == "EPERM" }

  private func pinned(_ hook: String) throws -> FileDescriptor {
    FileDescriptor(owning: try call("open \(hook)") { bpf_obj_get("\(folder)/\(hook)") })
  }

  private func isWhole() throws -> Bool {
    guard mend() == nil, isRefused() else { return false }
    programs.letGo()
    return try isRefused()
      && hooks.allSatisfy { hook in
        try world.bench.cgroupID(ofLink: "\(folder)/\(hook)") == world.cgroupID
      }
  }

  @Test("where nothing was done, nothing is found; nor of what has no network programs")
  func untouched() throws {
    #expect(mend() == nil)
    #expect(programs.mend(cgroupPath: "/", cgroupID: 1) == nil)
    #expect(try isWhole())
  }

  @Test("with the pins gone the programs run on, and the pins are made again")
  func pinsGone() throws {
    removeTree(folder)
    #expect(isRefused())
    #expect(mend() == Damage(.network(world.cgroupID), gone: hooks))
    #expect(try isWhole())
  }

  @Test("a link that was detached is attached again")
  func detached() throws {
    let link = try pinned("connect4")
    try call("detach") { bpf_link_detach(link.number) }
    #expect(mend() == Damage(.network(world.cgroupID), detached: ["connect4"]))
    #expect(try isWhole())
  }

  @Test("links that got other programs get ours again")
  func otherPrograms() throws {
    let other = try NetworkPrograms(
      shared: SharedMaps(folder: world.bench.folder), pinFolder: world.bench.folder,
      rootCgroupPath: NetworkBench.cgroupRoot)
    _ = try other.adopt()
    #expect(mend() == Damage(.network(world.cgroupID), detached: hooks))
    #expect(programs.mendStrays() == Damage(.strays, detached: ["strays"]))
    #expect(programs.mendStrays() == nil)
    #expect(try isWhole())
  }

  @Test("a pin of something else gives way")
  func replaced() throws {
    let other = try pinned("egress")
    try call("remove the pin") { unlink("\(folder)/connect4") }
    try call("pin another link") { bpf_obj_pin(other.number, "\(folder)/connect4") }
    #expect(mend() == Damage(.network(world.cgroupID), replaced: ["connect4"]))
    #expect(try isWhole())
  }

  @Test("what is not held, since there may be no more descriptors, ends with its pin, and is attached again")
  func notHeld() throws {
    let few = try NetworkPrograms(
      shared: SharedMaps(folder: world.bench.folder), pinFolder: world.bench.folder,
      rootCgroupPath: NetworkBench.cgroupRoot, heldMax: 0)
    _ = try few.adopt()
    programs.letGo()
    #expect(few.mend(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID) == nil)
    removeTree(folder)
    #expect(few.mend(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID)?.detached == hooks)
    #expect(isRefused())
    #expect(few.mend(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID) == nil)
  }

  @Test("what is to be attached is not taken for attached because there is a pin")
  func attachAgain() throws {
    let link = try pinned("connect4")
    try call("detach") { bpf_link_detach(link.number) }
    try programs.attach(cgroupPath: world.cgroupPath, cgroupID: world.cgroupID, needs: [.packets, .calls])
    #expect(try isWhole())
  }

  @Test("what cannot be attached again has a reason")
  func unmendable() throws {
    let link = try pinned("connect4")
    try call("detach") { bpf_link_detach(link.number) }
    try call("remove the pin") { unlink("\(folder)/connect4") }
    try call("make a folder") { mkdir("\(folder)/connect4", 0o700) }
    for _ in 0..<2 { #expect(mend()?.isOpen == true && mend()?.problem?.contains("cannot rename") == true) }
    try call("remove the folder") { rmdir("\(folder)/connect4") }
    #expect(mend()?.problem == nil)
    #expect(try isWhole())
  }

  @Test("that a cgroup is gone is no damage, and after a detach nothing is found")
  func over() throws {
    let name = "\(world.cgroupPath)/below"
    try Files.makeFolder(name)
    let id = CgroupID(UInt64(try Files.status(name).st_ino))
    try programs.attach(cgroupPath: name, cgroupID: id, needs: .packets)
    #expect(programs.mend(cgroupPath: name, cgroupID: id) == nil)
    try call("remove the cgroup") { rmdir(name) }
    while try world.bench.cgroupID(ofLink: "\(world.bench.folder)/links/\(id)/egress") != 0 { poll(nil, 0, 10) }
    #expect(programs.mend(cgroupPath: name, cgroupID: id) == nil)
    try programs.detach(cgroupID: id)
    #expect(programs.mend(cgroupPath: name, cgroupID: id) == nil)
    #expect(!Files.exists("\(world.bench.folder)/links/\(id)"))
  }
}
