import BPF
import Daemon
import Enforcement
import EnforcementTesting
import NRI
import Policy
import System
import Testing

/// What a Start writes, and what is left of it where something fails on the way.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct StartOrderTests {
  private let world: EnforcerWorld

  init() throws { world = try EnforcerWorld(tier: .signal) }

  /// Without what Configure does, which takes over what an earlier process left.
  private var steps: [String] { world.kernel.steps.filter { !["remove policies", "mark"].contains($0) } }

  private var state: ContainerEntry.State? { get throws { world.kernel.rows[try world.cgroupID]?.state } }

  private func start(_ policy: FailurePolicy = .fail, spec: String = "", pid: UInt32? = nil) throws {
    let rules =
      "process: {newExecutables: Allow, rules: [{path: /bin/id, action: Block}]}, acceptPartial: true, "
      + "network: {egress: {defaultAction: Block}}"
    let text = "metadata: {name: p}\nspec: {failurePolicy: \(policy.rawValue), \(spec.isEmpty ? rules : spec)}\n"
    let plugin = try plugin(profiles: library([text]), enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    var container = world.container()
    container.pid = pid ?? container.pid
    try plugin.startContainer(pod: pod([all: "p"]), container: container)
  }

  @Test("nothing is written before everything is known, and the last write opens")
  func order() throws {
    try start()
    #expect(steps == ["install", "entrypoint", "volumes", "attach", "open"])
    #expect(try state == .open)
  }

  @Test(
    "under Fail, a step that fails ends the start, and the container is closed once",
    arguments: [
      ("install", []), ("entrypoint", ["install"]), ("volumes", ["install", "entrypoint"]),
      ("attach", ["install", "entrypoint", "volumes"]), ("open", ["install", "entrypoint", "volumes", "attach"]),
    ] as [(String, [String])])
  func fail(step: String, before: [String]) throws {
    world.kernel.refuse(step)
    let error = #expect(throws: Refusal.self) { try start() }
    #expect(error?.description == "profile \"p\": cannot \(step): operation not permitted")
    #expect(steps == before + ["close"])
    #expect(try state == .closed)
  }

  @Test("under Fail, what the profile does not let pass is found before the first write, and the container is closed")
  func refused() throws {
    #expect(throws: Refusal.self) { try start(spec: "kernel: {block: [mount]}") }
    #expect(steps == ["close"])
  }

  @Test(
    "under Ignore, a start that fails is tried without network rules, and then the container is let through, not closed",
    arguments: [
      ("install", [], []), ("entrypoint", ["install"], ["install"]),
      ("attach", ["install", "entrypoint", "volumes"], ["install", "entrypoint", "volumes"]),
      (
        "open", ["install", "entrypoint", "volumes", "attach"], ["install", "entrypoint", "volumes", "attach"]
      ),
    ] as [(String, [String], [String])])
  func ignore(step: String, first: [String], second: [String]) throws {
    world.kernel.refuse(step)
    try start(.ignore)
    #expect(steps == first + ["detach"] + second + ["detach"])
    #expect(world.kernel.rows.isEmpty && world.kernel.attached.isEmpty && world.enforcer.containerIDs.isEmpty)
  }

  @Test("under Ignore, a step that fails once costs no more than the network rules")
  func ignoreOnce() throws {
    world.kernel.refuseOnce("open")
    try start(.ignore)
    #expect(
      steps
        == [
          "install", "entrypoint", "volumes", "attach", "detach", "install", "entrypoint", "volumes", "attach", "open",
        ])
    #expect(try state == .open && world.kernel.attached.isEmpty)
  }

  @Test(
    "of the texts that are read while a container is planned, the newest is judged and written, and no other",
    arguments: [true, false])
  func changedMeanwhile(starts: Bool) throws {
    let (folder, library) = try rules("/bin/old")
    let plugin = try plugin(profiles: library, enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    if starts { _ = try plugin.createContainer(pod: pod([all: "p"]), container: world.container()) }
    try folder.write(Self.rules("/bin/new"))
    world.kernel.during("claim") { _ = library.reload() }
    try begin(plugin, starts: starts)
    #expect(steps.count { $0 == "install" } == 1)
    #expect(try rulesInForce == ["/bin/new"])
  }

  @Test(
    "a text that is read while a container is opened or adopted reaches it with those that run",
    arguments: [true, false])
  func changedLast(starts: Bool) throws {
    let (folder, library) = try rules("/bin/old")
    let plugin = try plugin(profiles: library, enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    try folder.write(Self.rules("/bin/new"))
    let reader = Monitor<System.Thread?>(nil)
    world.kernel.during("install") { [enforcer = world.enforcer] in
      guard reader.read({ $0 == nil }) else { return }
      _ = library.reload()
      // As the node does it on another thread, which waits for the table.
      let thread = try? Thread { try? enforcer.replace(library.profile(named: "p").compiled) { _, _ in } }
      reader.withLock { $0 = thread }
    }
    try begin(plugin, starts: starts)
    #expect(reader.read { $0 }?.join(milliseconds: 30_000) == true)
    #expect(try rulesInForce == ["/bin/new"])
    try world.sweepPolicies()
    #expect(world.kernel.policies.count == 1)
  }

  private static func rules(_ path: String) -> String {
    let process = "{newExecutables: Allow, rules: [{path: \(path), action: Block}]}"
    return "metadata: {name: p}\nspec: {acceptPartial: true, process: \(process)}\n"
  }

  private func rules(_ path: String) throws -> (ProfilesFolder, LoadedProfiles) {
    let folder = try ProfilesFolder([Self.rules(path)])
    let library = folder.library
    _ = library.reload()
    return (folder, library)
  }

  private func begin(_ plugin: Plugin, starts: Bool) throws {
    if starts {
      try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    } else {
      try plugin.synchronize(pods: [pod([all: "p"])], containers: [world.container()])
    }
  }

  private var rulesInForce: [String]? {
    get throws {
      let revision = try #require(world.kernel.rows[try world.cgroupID]?.revision)
      return world.enforcer.subjects.find(try world.cgroupID, revision)?.profile?.process?.rules.map(\.path)
    }
  }

  @Test(
    "a first process that is gone refuses the container under Fail, which is closed; under Ignore nothing is written")
  func vanished() throws {
    let pid = world.pid
    world.ends()
    try start(.ignore, pid: pid)
    #expect(steps == ["detach"])
    let error = #expect(throws: Refusal.self) { try start(pid: pid) }
    #expect(error?.description.contains("cannot look at the container's process \(pid)") == true)
    #expect(steps == ["detach", "close"])
  }
}

extension EnforcerWorld {
  /// The container as the runtime tells of it at Start and Synchronize.
  func container() -> Container {
    var container = DaemonTests.container()
    container.podSandboxID = "s1"
    container.state = ContainerState.running.rawValue
    container.cgroupsPath = path
    container.pid = pid
    return container
  }
}
