import BPF
import Daemon
import Enforcement
import EnforcementTesting
import Glibc
import InMemoryLogging
import Logging
import NRI
import Policy
import Testing

/// The text of a profile `p`; `rest` are lines of its spec.
private func profile(_ rest: String) -> String { "metadata: {name: p}\nspec: {\(rest)}\n" }

private let enforceable =
  "process: {newExecutables: Allow, rules: [{path: /bin/id, action: Block}]}, acceptPartial: true"

/// At tier `signal`, with a kernel that only writes down.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct ConfinementTests {
  @Test(
    "a start without a Create is refused where the node cannot enforce the profile",
    arguments: [
      "file: {rules: [{path: /etc/shadow, action: Block}]}", "kernel: {block: [mount]}", "minimumTier: lsm",
      "process: {newExecutables: Allow, rules: [{path: /bin/id, action: Block}]}",
    ])
  func startWithoutCreate(spec: String) throws {
    let world = try EnforcerWorld(tier: .signal)
    let plugin = try plugin(profiles: library([profile(spec)]), enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let error = #expect(throws: Refusal.self) {
      try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    }
    #expect(error?.description.contains("enforced") == true)
    #expect(world.kernel.rows.values.map(\.state) == [.closed], "nothing in it may exec")
    #expect(world.kernel.policies.isEmpty)
  }

  @Test("a start without a Create is confined where the node can enforce the profile")
  func confinedWithoutCreate() throws {
    let world = try EnforcerWorld(tier: .signal)
    let plugin = try plugin(profiles: library([profile(enforceable)]), enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    #expect(world.kernel.policies.count == 1)
  }

  @Test("a text that cannot be enforced, loaded between Create and Start, reaches no container")
  func changedBetween() throws {
    let world = try EnforcerWorld(tier: .signal)
    let folder = try ProfilesFolder([profile(enforceable)])
    let library = folder.library
    _ = library.reload()
    let plugin = try plugin(profiles: library, enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    _ = try plugin.createContainer(pod: pod([all: "p"]), container: world.container())
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    let policies = world.kernel.policies
    try folder.write(profile("minimumTier: lsm"))
    _ = library.reload()
    #expect(throws: Refusal.self) { try plugin.startContainer(pod: pod([all: "p"]), container: world.container()) }
    #expect(world.kernel.policies == policies)
  }

  private static let filtered = "seccomp: {type: RuntimeDefault}, \(enforceable)"

  @Test(
    "a filter that the profile gets between Create and Start is not the container's: refused, or told under Ignore",
    arguments: [
      (enforceable, filtered, true), (filtered, "\(filtered), mode: Audit", true), (filtered, filtered, false),
      (filtered, enforceable, false), (enforceable, enforceable, false),
    ])
  func filterBetween(created: String, started: String, isLost: Bool) throws {
    let reason = "the profile got another seccomp filter after the container was created"
    for ignore in [false, true] {
      let (world, log) = (try EnforcerWorld(tier: .signal), InMemoryLogHandler())
      let failurePolicy = "failurePolicy: \(ignore ? "Ignore" : "Fail"), "
      let folder = try ProfilesFolder([profile(failurePolicy + created)])
      let library = folder.library
      _ = library.reload()
      let plugin = try plugin(
        profiles: library, enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
      _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
      func start() throws {
        let pod = pod([all: "p"])
        _ = try plugin.createContainer(pod: pod, container: world.container())
        try folder.write(profile(failurePolicy + started))
        _ = library.reload()
        try plugin.startContainer(pod: pod, container: world.container())
      }
      func wasTold() -> Bool { log.entries.contains { $0.metadata["gap"].map { "\($0)".contains(reason) } == true } }
      if isLost && !ignore {
        let error = #expect(throws: Refusal.self) { try start() }
        #expect(error?.description.contains(reason) == true)
        #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
      } else if ignore {
        try start()
        // Where one was sent, its absence in the process is told in place of that.
        #expect(created == Self.filtered || wasTold() == isLost)
        #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
      }
    }
  }

  @Test(
    "rules of a filter that are left out for the container's own capabilities are told",
    arguments: [("", true), (", addedCapabilities: [ALL]", false)])
  func capabilities(added: String, isTold: Bool) throws {
    let (world, log) = (try EnforcerWorld(tier: .signal), InMemoryLogHandler())
    let spec = "failurePolicy: Ignore, seccomp: {type: RuntimeDefault\(added)}"
    let plugin = try plugin(
      profiles: library([profile(spec)]), enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    _ = try plugin.createContainer(pod: pod([all: "p"]), container: world.container())
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    let told = log.entries.compactMap { $0.metadata["capabilities"].map { "\($0)" } }
    #expect(told.contains { $0.contains("CAP_SYS_ADMIN") } == isTold)
  }

  @Test("under Ignore, what the plan found is told too where the kernel refuses the rules")
  func ignoredMissingFilter() throws {
    let world = try EnforcerWorld(tier: .signal)
    let log = InMemoryLogHandler()
    let spec = "failurePolicy: Ignore, requireFilter: true, \(enforceable)"
    let plugin = try plugin(
      profiles: library([profile(spec)]), enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let left = try world.join()
    world.kernel.refuse("install")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    let gaps = log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["gap"].map { "\($0)" } }
    for gap in ["requireFilter", "process \(left)", "cannot install"] {
      #expect(gaps.contains { $0.contains(gap) }, "\(gap)")
    }
  }

  @Test("while what enforces cannot be put right, what starts under Fail is refused with the reason, and only that")
  func damaged() throws {
    let world = try EnforcerWorld(tier: .signal)
    let profiles = try library([
      profile(enforceable), "metadata: {name: ignoring}\nspec: {failurePolicy: Ignore, \(enforceable)}\n",
      "metadata: {name: filtered}\nspec: {seccomp: {type: RuntimeDefault}}\n",
    ])
    let plugin = try plugin(profiles: profiles, enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    let damage = Damage(.programs, gone: ["exec_signal"], problem: "cannot pin it: read-only file system")
    world.kernel.check.withLock { $0 = .inCharge([damage]) }
    _ = world.enforcer.mend()
    for call in [
      plugin.createContainer,
      {
        try plugin.startContainer(pod: $0, container: $1); return nil
      },
    ] {
      let error = #expect(throws: Refusal.self) { _ = try call(pod([all: "p"]), world.container()) }
      let reason = "stockade's own are not as it left them: \(damage.what): cannot pin it: read-only file system"
      #expect(error?.description.contains(reason) == true)
    }
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    for name in ["ignoring", "filtered"] {
      _ = try plugin.createContainer(pod: pod([all: name]), container: world.container())
    }
    // What runs is adopted: it is enforced as far as that goes.
    try plugin.synchronize(pods: [pod([all: "p"])], containers: [world.container()])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)

    world.kernel.check.withLock { $0 = .inCharge([]) }
    _ = world.enforcer.mend()
    _ = try plugin.createContainer(pod: pod([all: "p"]), container: world.container())
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
  }

  @Test("a running container that nothing chooses a profile for any more is let go by a new process")
  func letGo() throws {
    let world = try EnforcerWorld(tier: .signal)
    let network = "network: {egress: {defaultAction: Block}}"
    let before = try plugin(profiles: library([profile("\(enforceable), \(network)")]), enforcer: world.enforcer)
    _ = try before.configure(runtime("2.3.4", nri: "0.12.0"))
    try before.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.attached.count == 1)

    let after = try plugin(enforcer: world.newEnforcer())
    _ = try after.configure(runtime("2.3.4", nri: "0.12.0"))
    try after.synchronize(pods: [pod()], containers: [world.container()])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    #expect(try #require(world.kernel.rows[try world.cgroupID]).revision == nil)
    try world.sweepPolicies()
    #expect(world.kernel.attached.isEmpty && world.kernel.policies.isEmpty)
  }

  @Test("a running container without a profile is let go too where its pod still gets a gate")
  func letGoBehindGate() throws {
    let world = try EnforcerWorld(tier: .signal)
    let before = try plugin(
      profiles: library([profile("network: {egress: {defaultAction: Block}}")]), enforcer: world.enforcer)
    _ = try before.configure(runtime("2.3.4", nri: "0.12.0"))
    try before.startContainer(pod: pod([all: "p"]), container: world.container())

    let after = try plugin(enforcer: world.newEnforcer())
    _ = try after.configure(runtime("2.3.4", nri: "0.12.0"))
    // Of another container of the pod.
    let pod = pod(["profile.stockade.dev/container.other": "exec"])
    try after.synchronize(pods: [pod], containers: [world.container()])
    #expect(try #require(world.kernel.rows[try world.cgroupID]).revision == nil)
    #expect(world.kernel.attached.isEmpty)
  }

  @Test("a running container that was never bound is left out of the kernel")
  func neverBound() throws {
    let world = try EnforcerWorld(tier: .signal)
    let plugin = try plugin(enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    try plugin.synchronize(pods: [pod()], containers: [world.container()])
    #expect(world.kernel.rows.isEmpty && world.enforcer.containerIDs.isEmpty)
  }

  private static let rootIsOverlay =
    (try? ProcessView(pid: UInt32(getpid()), in: CgroupHierarchy.current()))?.rootIsOverlay ?? true

  @Test(
    "where the root is no overlay, newExecutables is refused with the reason, or reported where that is accepted",
    .enabled(if: !rootIsOverlay, "the machine's own root stands for the container's, and is an overlay"))
  func noOverlay() throws {
    let world = try EnforcerWorld(tier: .signal)
    let spec = "process: {newExecutables: Block}, acceptPartial: true"
    let log = InMemoryLogHandler()
    func start(_ spec: String) throws {
      let plugin = try plugin(
        profiles: library([profile(spec)]), enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
      _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
      try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    }
    let reason = "process.newExecutables Block cannot be enforced: the container's root is no overlay"
    let error = #expect(throws: Refusal.self) { try start(spec) }
    #expect(error?.description.contains(reason) == true)
    try start(spec + ", failurePolicy: Ignore")
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    let warned = log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["gap"] }
    #expect(warned.contains { "\($0)".contains(reason) })
  }

  @Test("with failurePolicy Ignore, each rule that is not in force is told of, and so is a container that stays closed")
  func ignored() throws {
    let world = try EnforcerWorld(tier: .signal)
    let log = InMemoryLogHandler()
    let spec = "failurePolicy: Ignore, \(enforceable), network: {egress: {defaultAction: Block}}"
    let plugin = try plugin(
      profiles: library([profile(spec)]), enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    world.enforcer.close(world.start())
    world.kernel.refuse("install")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    let gaps = log.entries.filter { $0.level == .warning }.compactMap { $0.metadata["gap"].map { "\($0)" } }
    for rule in ["process.rules[0] Block /bin/id", "network.egress.defaultAction Block"] {
      #expect(gaps.contains { $0.hasPrefix(rule) && $0.contains("cannot install") })
    }
    #expect(!log.entries.contains { $0.level >= .error })

    world.enforcer.close(world.start())
    world.kernel.refuse("install", "open")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    let errors = log.entries.filter { $0.level == .error }
    #expect(errors.count == 1 && errors[0].metadata["reason"].map { "\($0)".contains("cannot open") } == true)
  }

  @Test("where the kernel's table is full, a container under Ignore runs unconfined, and is not closed before")
  func ignoredFullTable() throws {
    let world = try EnforcerWorld(tier: .signal)
    let log = InMemoryLogHandler()
    let plugin = try plugin(
      profiles: library([profile("failurePolicy: Ignore, \(enforceable)")]), enforcer: world.enforcer,
      log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    world.kernel.refuse("open", "close")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(!world.hasEnded(within: .milliseconds(100)))
    #expect(world.kernel.rows.isEmpty && world.enforcer.containerIDs.isEmpty)
    #expect(log.entries.contains { $0.level == .warning } && !log.entries.contains { $0.level >= .error })
  }

  @Test("what a failed start under Ignore has attached is detached, or that is told")
  func ignoredAttached() throws {
    let world = try EnforcerWorld(tier: .signal)
    let log = InMemoryLogHandler()
    let spec = "failurePolicy: Ignore, \(enforceable), network: {egress: {defaultAction: Block}}"
    let plugin = try plugin(
      profiles: library([profile(spec)]), enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    world.kernel.refuse("open", "detach")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.attached.count == 1)
    #expect(log.entries.filter { $0.level == .error }.count == 1)
    world.kernel.refuse("open")
    try plugin.startContainer(pod: pod([all: "p"]), container: world.container())
    #expect(world.kernel.attached.isEmpty)
    #expect(log.entries.filter { $0.level == .error }.count == 1)
  }

  @Test("events are carried once it is known where they go, and whose those of before are")
  func configured() throws {
    let world = try EnforcerWorld(tier: .signal)
    try world.enforcer.activate(world.start(), profile: Profile(name: "p", file: "p.yaml"), expectsFilter: false)
    let enforcer = try world.newEnforcer()
    var known: [[String]] = []
    let plugin = try plugin(enforcer: enforcer) { known.append(enforcer.containerIDs) }
    #expect(known.isEmpty)
    _ = try plugin.configure(runtime("2.3.4", config: "bindigns: []"))
    #expect(known.isEmpty)
    _ = try plugin.configure(runtime("2.3.4"))
    #expect(known == [["orphan:\(try world.cgroupID)"]])
  }

  @Test(
    "a pod that needs a gate and gets none is told of, where it has a cgroup",
    arguments: [("/stockade-nowhere/pod12345678", 1), ("/shared", 1), ("", 0)])
  func noGate(parent: String, warnings: Int) throws {
    let log = InMemoryLogHandler()
    let world = try EnforcerWorld(tier: .signal)
    let plugin = try plugin(enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4"))
    var pod = pod([all: "exec"])
    (pod.uid, pod.cgroupParent) = ("12345678", parent)
    try plugin.runPodSandbox(pod)
    #expect(log.entries.filter { $0.level == .warning }.count == warnings)
    pod.annotations = [:]
    try plugin.runPodSandbox(pod)
    #expect(log.entries.filter { $0.level == .warning }.count == warnings, "it needs none")
  }

  @Test(
    "the gate stays open where every profile that the pod can get is mode Audit",
    arguments: [
      ([all: "audit"], "", false), ([all: "exec"], "", true), ([all: "nowhere"], "", true),
      ([all: "broken"], "", true), ([all: ""], "", true), ([all + "/typo": "audit"], "", true),
      ([all: "audit", all + "/container.app": "exec"], "", true),
      ([all: "audit"], "allowedProfiles: [exec]", true), ([all: "audit"], "allowedProfiles: [exec, audit]", false),
      ([:], "defaultProfile: audit", false), ([:], "defaultProfile: nowhere", true),
      ([all: "audit"], "defaultProfile: exec", true),
      ([:], "bindings: [{images: [x], profile: audit}]", false),
      ([:], "bindings: [{images: [x], profile: audit}, {images: [y], profile: exec}]", true),
    ])
  func auditGate(annotations: [String: String], configuration: String, closed: Bool) throws {
    let log = InMemoryLogHandler()
    let world = try EnforcerWorld(tier: .signal)
    let exec = "{process: {rules: [{path: /bin/id, action: Block}]}"
    let library = try library([
      "metadata: {name: exec}\nspec: \(exec)}\n", "metadata: {name: audit}\nspec: \(exec), mode: Audit}\n",
      "metadata: {name: broken}\nspec: {mode: Audit, seccomp: {type: Localhost, localhostProfile: none.json}}\n",
    ])
    let plugin = try plugin(
      configuration, profiles: library, enforcer: world.enforcer, log: Logger(label: "test") { _ in log })
    _ = try plugin.configure(runtime("2.3.4"))
    var pod = pod(annotations)
    (pod.uid, pod.cgroupParent) = ("12345678", "/stockade-nowhere/pod12345678")
    try plugin.runPodSandbox(pod)
    #expect(
      log.entries.contains { $0.message == "a pod has no gate: its containers start unconfined while stockade is away" }
        == closed)
  }

  @Test("a pod whose cgroup cannot be looked at, but for its absence, is refused")
  func gateError() throws {
    let world = try EnforcerWorld(tier: .signal)
    let plugin = try plugin(enforcer: world.enforcer)
    _ = try plugin.configure(runtime("2.3.4"))
    var pod = pod([all: "exec"])
    (pod.uid, pod.cgroupParent) = ("12345678", world.path + "/cgroup.procs/pod12345678")
    let error = #expect(throws: Refusal.self) { try plugin.runPodSandbox(pod) }
    #expect(error?.description.contains("cannot set its gate: no cgroup") == true)
  }
}
