import BPF
import Glibc
import System
import Testing

// Within that suite, because both change the one node gate of the tests.
extension NodeGateTests {
  /// The ways in which a pod's sandbox ends and is made again, behind the node gate and with the cgroups of both
  /// drivers. systemd's are made by hand: each slice below its parent's, and a scope for each container.
  @Suite(.serialized)
  struct SandboxWaysTests {
    enum Driver: CaseIterable {
      case cgroupfs, systemd

      var parents: [String] {
        switch self {
        case .cgroupfs: ["kubepods", "kubepods/burstable"]
        case .systemd: ["kubepods.slice", "kubepods.slice/kubepods-burstable.slice"]
        }
      }

      var pod: String {
        let uid = NodeGateWorld.uid
        switch self {
        case .cgroupfs: return "kubepods/burstable/pod\(uid)"
        case .systemd:
          let name = uid.split(separator: "-").joined(separator: "_")
          return "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod\(name).slice"
        }
      }

      func cgroup(of id: String) -> String {
        switch self {
        case .cgroupfs: "\(pod)/\(id)"
        case .systemd: "\(pod)/cri-containerd-\(id).scope"
        }
      }
    }

    /// What becomes of the first sandbox, `one`, and whether its cgroup is still there when the next one is made.
    enum Way: CaseIterable {
      case removed, processKilled, shimKilled, leftBehind, removedLate, writtenDown, unknownToTheDaemon
      case processKilledAfterTheDaemonWasBack, containerOfTheFirstMadeNext, containerOfTheFirstStartedNext
    }

    @Test(
      "the next sandbox runs and its container waits, whatever became of the one before, twice",
      arguments: Driver.allCases, Way.allCases)
    func next(driver: Driver, way: Way) throws {
      let world = try NodeGateWorld()
      world.wanted.parents = driver.parents.map { "\(world.parent)/\($0)" }
      for parent in driver.parents { try world.make(parent) }
      try world.close()
      let pod = try SandboxPod(driver, world)
      try world.make(driver.pod)
      #expect(try world.state(driver.pod) == .closed)
      for round in 0..<3 {
        try pod.startsSandbox("sandbox\(round)")
        #expect(try pod.start("container\(round)", by: pod.shim) == "killed")
        try pod.ends(by: way)
      }
    }
  }
}

/// A pod whose sandboxes come one after the other, each from a shim of its own.
private final class SandboxPod {
  private let driver: NodeGateTests.SandboxWaysTests.Driver, world: NodeGateWorld
  private(set) var shim: PythonActor
  private var sandbox = ""

  init(_ driver: NodeGateTests.SandboxWaysTests.Driver, _ world: NodeGateWorld) throws {
    (self.driver, self.world, shim) = (driver, world, try NodeGateWorld.newShim())
  }

  /// Its process is there before it executes the program, and stays.
  func startsSandbox(_ id: String) throws {
    (sandbox, shim) = (driver.cgroup(of: id), try NodeGateWorld.newShim())
    try world.make(sandbox)
    shim.run("pause = Sleeper()")
    shim.run("join('\(world.directory(sandbox))', pause.pid)")
    #expect(world.start(in: sandbox, by: shim) == "ran")
  }

  func start(_ id: String, by shim: PythonActor) throws -> String {
    try world.make(driver.cgroup(of: id))
    return world.start(in: driver.cgroup(of: id), by: shim)
  }

  func ends(by way: NodeGateTests.SandboxWaysTests.Way) throws {
    let id = try world.id(sandbox), ticks = try ProcessStat.startTicks(in: "/proc/\(shim.processID)")
    let written = SandboxEntry(
      firstChild: .cgroup(id), bound: id, shim: ProcessIdentity(pid: UInt32(shim.processID), startTicks: ticks))
    switch way {
    case .removed, .processKilled:
      endsProcess()
      world.remove(sandbox)
    case .shimKilled:
      let pause = try #require(Int32(shim.run("pause.pid")))
      shim.end()
      kill(pause, SIGKILL)
      world.waitUntilEmpty(sandbox)
      world.remove(sandbox)
    case .leftBehind:
      endsProcess()
    case .removedLate:
      endsProcess()
      let old = sandbox
      try startsSandbox("between-\(id.number)")
      world.remove(old)
      #expect(try start("later-\(id.number)", by: shim) == "killed")
      #expect(world.start(in: sandbox, by: shim) == "ran", "the sandbox's process still is the sandbox's")
      endsProcess()
    case .writtenDown:
      try world.writeDown(written, of: driver.pod)
      endsProcess()
      world.remove(sandbox)
    case .unknownToTheDaemon:
      try world.writeDown(SandboxEntry(firstChild: .unknown), of: driver.pod)
      endsProcess()
      world.remove(sandbox)
    case .processKilledAfterTheDaemonWasBack:
      endsProcess()
      try world.writeDown(written, of: driver.pod)
      world.remove(sandbox)
    case .containerOfTheFirstMadeNext:
      endsProcess()
      world.remove(sandbox)
      #expect(try start("former-\(id.number)", by: shim) == "killed")
    case .containerOfTheFirstStartedNext:
      let container = "former-\(id.number)"
      try world.make(driver.cgroup(of: container))
      endsProcess()
      world.remove(sandbox)
      #expect(world.start(in: driver.cgroup(of: container), by: shim) == "killed")
    }
  }

  private func endsProcess() {
    shim.run("end([pause])")
    world.waitUntilEmpty(sandbox)
  }
}
