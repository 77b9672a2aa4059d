import BPF
import CStockade
import Compilation
import Enforcement
import EnforcementTesting
import Glibc
import Policy
import System
import Testing

/// Network rules and a deny rule: all steps are needed, and no overlay.
private func profile(_ name: String = "p", failure: FailurePolicy = .fail) -> Profile {
  var profile = Profile(name: name, file: "p.yaml")
  profile.failurePolicy = failure
  var process = ProcessSection()
  process.newExecutables = .allow
  process.rules = [
    PathRule(path: "/x", isDirectory: false, action: .block, location: Location(file: "p.yaml", line: 1))
  ]
  profile.process = process
  var egress = NetworkDirection()
  egress.defaultAction = .block
  profile.network.egress = egress
  return profile
}

@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct EnforcerTests {
  @Test("the container is opened by the last write")
  func order() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    #expect(world.kernel.steps == ["install", "entrypoint", "volumes", "attach", "open"])
  }

  @Test(
    "whatever step fails, nothing in the container may exec",
    arguments: ["install", "entrypoint", "volumes", "attach", "open"])
  func refusedStep(step: String) throws {
    let world = try EnforcerWorld()
    world.kernel.refuse(step)
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: profile(), expectsFilter: false)
    }
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    try world.sweepPolicies()
    #expect(world.kernel.policies.isEmpty)
  }

  @Test("a refused start is released once its cgroup is empty, and not before")
  func refusedStart() throws {
    let world = try EnforcerWorld()
    world.kernel.refuse("attach")
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: profile(), expectsFilter: false)
    }
    world.kernel.refuse()
    #expect(try !world.enforcer.release("c1"))
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.rows.isEmpty && world.kernel.attached.isEmpty)
  }

  @Test("a process that the runtime's own mount namespace holds is no container's")
  func sharedNamespace() throws {
    let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    let world = try EnforcerWorld(runtimeMountNamespace: own)
    let error = #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: profile(), expectsFilter: false)
    }
    #expect(error.map { "\($0)".contains("shares the runtime's mount namespace") } == true)
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
  }

  @Test(
    "where the process cannot be looked at, or is elsewhere, the cgroup that the payload names is closed",
    arguments: [0, UInt32(getpid())])
  func unseen(pid: UInt32) throws {
    let world = try EnforcerWorld()
    var start = world.start()
    start.pid = pid
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(start, profile: profile(), expectsFilter: false)
    }
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.rows.isEmpty)
  }

  @Test("a payload that names the cgroup of another container, or of a pod, closes nothing")
  func anothers() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(start(in: world.path, pid: 0), profile: profile(), expectsFilter: false)
    }
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)

    let gated = try EnforcerWorld()
    try gated.kernel.setGate(try gated.cgroupID, .closed, sandbox: nil)
    try gated.enforcer.inherit()
    #expect(throws: EnforcementError.self) {
      try gated.activateOrRefuse(start(in: gated.path, pid: 0), profile: profile(), expectsFilter: false)
    }
    #expect(gated.kernel.gateStates == [try gated.cgroupID: .closed])
    #expect(gated.kernel.rows.isEmpty)
  }

  @Test("a payload that names the cgroup of another container neither confines it by another profile nor lets it go")
  func anothersOpening() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    let row = world.kernel.rows[try world.cgroupID]
    let other = world.start("c2")
    for open in [
      { try world.enforcer.activate(other, profile: profile("q", failure: .ignore), expectsFilter: false) },
      {
        try world.enforcer.admit(other, beforeGate: true); return []
      },
      {
        try world.enforcer.admit(other, afterFailure: true); return []
      },
    ] as [() throws -> [Gap]] {
      let error = #expect(throws: EnforcementError.self) { _ = try open() }
      #expect(error?.description == "cgroup \(world.directory) belongs to another container, c1")
      #expect(world.kernel.rows[try world.cgroupID] == row)
      #expect(world.kernel.attached.count == 1 && world.enforcer.containerIDs == ["c1"])
    }
  }

  @Test("a pid in another cgroup than the payload says is refused")
  func elsewhere() throws {
    let world = try EnforcerWorld()
    var start = world.start()
    start.path = .success(try CgroupPath(payload: "/somewhere/else"))
    let error = #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(start, profile: profile(), expectsFilter: false)
    }
    #expect(error.map { "\($0)".contains("is neither in cgroup /somewhere/else nor below it") } == true)
  }

  @Test("with failurePolicy Ignore, rules are in force where the filter is missing, and only the filter is told of")
  func ignoredFilter() throws {
    let world = try EnforcerWorld()
    var required = profile(failure: .ignore)
    required.requireFilter = true
    for (profile, expected) in [(profile(failure: .ignore), true), (required, false)] {
      let gaps = try world.enforcer.activate(world.start(), profile: profile, expectsFilter: expected)
      #expect(subjects(gaps) == [expected ? "seccomp" : "requireFilter"])
      let row = try #require(world.kernel.rows[try world.cgroupID])
      #expect(row.state == .open && row.revision.map(world.kernel.policies.contains) == true)
      #expect(world.kernel.attached.count == 1)
    }
  }

  private static let packetSockets = "network for packet sockets"

  /// Without what depends on the capabilities of the tests themselves.
  private func subjects(_ gaps: [Gap]) -> [String] { gaps.map(\.subject).filter { $0 != Self.packetSockets } }

  @Test("of a container that can have CAP_NET_RAW it is told that packet sockets get past its network rules")
  func packetSockets() throws {
    let world = try EnforcerWorld()
    let gaps = try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    let isCapable = Capabilities.available(inStatus: try Files.text("/proc/self/status")).contains("CAP_NET_RAW")
    #expect(gaps.map(\.subject) == (isCapable ? [Self.packetSockets] : []))
  }

  @Test("with failurePolicy Ignore, exec rules are in force where network programs cannot be attached")
  func ignoredNetwork() throws {
    let world = try EnforcerWorld()
    world.kernel.refuseOnce("attach")
    let gaps = try world.enforcer.activate(
      world.start(), profile: profile(failure: .ignore), expectsFilter: false)
    #expect(gaps.map(\.subject) == ["network.egress.defaultAction Block"])
    #expect(gaps.allSatisfy { $0.why.contains("cannot attach") })
    let row = try #require(world.kernel.rows[try world.cgroupID])
    try world.sweepPolicies()
    #expect(row.state == .open && world.kernel.policies == [row.revision])
    #expect(world.kernel.attached.isEmpty && world.kernel.steps.contains("detach"))
  }

  @Test("with failurePolicy Ignore, network rules are in force where processes cannot be told from the runtime's")
  func ignoredNamespace() throws {
    let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    let world = try EnforcerWorld(runtimeMountNamespace: own)
    let gaps = try world.enforcer.activate(
      world.start(), profile: profile(failure: .ignore), expectsFilter: false)
    #expect(subjects(gaps) == ["process.rules[0] Block /x"])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    #expect(world.kernel.attached.count == 1)
  }

  @Test("processes that remain keep the policy and may exec nothing; then all goes")
  func remaining() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    #expect(try !world.enforcer.release("c1"))
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    #expect(world.kernel.attached.count == 1 && world.kernel.policies.count == 1)
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(try world.enforcer.release("c1"))
    #expect(world.enforcer.tally == .init(releases: 1, failures: 0), "what is gone is counted once")
    #expect(world.kernel.rows.isEmpty && world.kernel.attached.isEmpty && world.kernel.policies.isEmpty)
  }

  @Test("a refusal to detach is worded for the log, and can be tried again")
  func refusedDetach() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    world.ends()
    world.kernel.refuse("detach")
    let error = #expect(throws: ReleaseError.self) { try world.enforcer.release("c1") }
    #expect(
      error?.description == "failed to detach bpf prog from \(world.directory): operation not permitted")
    #expect(world.enforcer.tally == .init(releases: 0, failures: 1))
    world.kernel.refuse()
    #expect(try world.enforcer.release("c1"))
    #expect(world.enforcer.tally == .init(releases: 1, failures: 1))
  }

  @Test("a refusal to close what remains says what the kernel said, and can be tried again")
  func refusedClosing() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    world.kernel.refuse("close")
    let error = #expect(throws: ReleaseError.self) { try world.enforcer.release("c1") }
    #expect(
      error?.description == "failed to detach bpf prog from \(world.directory): operation not permitted")
    world.kernel.refuse()
    #expect(try !world.enforcer.release("c1"))
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
  }

  @Test("a plan writes nothing, and one that is refused cannot be opened")
  func planned() throws {
    let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    let world = try EnforcerWorld(runtimeMountNamespace: own)
    let plan = try world.enforcer.plan(world.start(), CompiledProfile(profile()), known: ContainerFacts())
    let refusal = try #require(plan.assessment.refusal)
    let error = #expect(throws: EnforcementError.self) { try world.enforcer.open(plan) { true } }
    #expect(error?.description == refusal)
    #expect(world.kernel.steps.isEmpty && world.kernel.rows.isEmpty)
  }

  @Test("a cgroup that is gone is released as an empty one")
  func gone() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    world.ends()
    rmdir(world.directory)
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.rows.isEmpty)
  }

  @Test("a changed profile gets a new revision; the old one stays while an exec may still be judged by it")
  func replaced() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    let old = world.kernel.policies
    var changed = profile()
    changed.process?.rules = []
    try world.enforcer.replace(changed)
    let new = try #require(world.kernel.rows[try world.cgroupID]?.revision)
    #expect(!old.contains(new) && world.kernel.policies == old.union([new]))
    let now = ContinuousClock.now, grace = ConfinementTable.policyGrace
    for later in [.zero, grace - .nanoseconds(1)] {
      try world.enforcer.removeUnusedPolicies(now: now + later)
      #expect(world.kernel.policies == old.union([new]))
    }
    try world.enforcer.removeUnusedPolicies(now: now + grace)
    #expect(world.kernel.policies == [new])
  }

  @Test("a policy whose container has ended stays for its grace where a stray may still be judged by it")
  func strayAfterEnd() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    world.kernel.setStrays(true)
    world.ends()
    #expect(try world.enforcer.release("c1"))
    #expect(world.kernel.policies.count == 1)
    try world.sweepPolicies()
    #expect(world.kernel.policies.isEmpty)
  }

  @Test("a policy stays while any container has it, also one of an earlier process, and from then on for its grace")
  func usedAgain() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    let row = try #require(world.kernel.rows[try world.cgroupID])
    let enforcer = try world.newEnforcer(), now = ContinuousClock.now, grace = ConfinementTable.policyGrace
    try enforcer.removeUnusedPolicies(now: now)
    try world.kernel.remove(row.cgroupID)
    try enforcer.removeUnusedPolicies(now: now + grace)
    #expect(world.kernel.policies == [row.revision])
    try world.kernel.put(row)
    try enforcer.removeUnusedPolicies(now: now + grace * 2)
    #expect(world.kernel.policies == [row.revision])
    try world.kernel.remove(row.cgroupID)
    try enforcer.removeUnusedPolicies(now: now + grace * 3)
    #expect(world.kernel.policies == [row.revision])
    try enforcer.removeUnusedPolicies(now: now + grace * 4)
    #expect(world.kernel.policies.isEmpty)
  }

  @Test("a changed profile that the kernel refuses leaves the old one in force")
  func refusedReplacement() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    let before = world.kernel.rows[try world.cgroupID]?.revision
    for step in ["install", "attach", "open"] {
      world.kernel.refuse(step)
      #expect(throws: BackendError.self) { try world.enforcer.replace(changed()) }
      #expect(world.kernel.rows[try world.cgroupID]?.revision == before)
      #expect(world.enforcer.entry("c1")?.revision == before)
      #expect(world.kernel.policies.contains(try #require(before)))
    }
    world.kernel.refuse()
    try world.enforcer.replace(changed())
    #expect(world.kernel.rows[try world.cgroupID]?.revision != before)
    try world.sweepPolicies()
    #expect(world.kernel.policies.count == 1)
  }

  private func changed() -> Profile {
    var changed = profile()
    changed.process?.rules = []
    return changed
  }

  @Test("a new text is judged for each running container by what was found at its start, and what it lacks is told")
  func judgedAnew() throws {
    let world = try EnforcerWorld()
    let other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(world.start("c1"), profile: profile(failure: .ignore), expectsFilter: false)
    world.kernel.refuseOnce("attach")
    try world.enforcer.activate(other.start("c2"), profile: profile(failure: .ignore), expectsFilter: false)

    var withoutNetwork = profile(failure: .ignore)
    withoutNetwork.network = NetworkSection()
    #expect(try world.enforcer.replace(withoutNetwork).flatMap(\.gaps) == [])
    #expect(["c1", "c2"].map { world.enforcer.entry($0)?.policy?.omitted } == [[], []])
    #expect(world.kernel.attached.isEmpty)

    let told = try world.enforcer.replace(profile(failure: .ignore)).flatMap(\.ignored)
    #expect(subjects(told) == ["network.egress.defaultAction Block"])
    #expect(["c1", "c2"].map { world.enforcer.entry($0)?.policy?.omitted } == [[], [.networkRules]])
    #expect(world.kernel.attached == [try world.cgroupID])
    #expect(try world.enforcer.replace(profile(failure: .ignore)).isEmpty, "they have it already")
  }

  @Test("a new text that would refuse a running container is in force there as far as that goes, and that is told")
  func refusedAnew() throws {
    let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    let world = try EnforcerWorld(runtimeMountNamespace: own)
    try world.enforcer.activate(world.start(), profile: profile(failure: .ignore), expectsFilter: false)
    let before = world.kernel.rows[try world.cgroupID]?.revision
    let told = try world.enforcer.replace(profile())
    #expect(told.count == 1 && told[0].refusal?.contains("shares the runtime's mount namespace") == true)
    let row = try #require(world.kernel.rows[try world.cgroupID])
    #expect(row.state == .open && row.revision != before)
    #expect(world.enforcer.entry("c1")?.policy?.omitted == [.processRules])
  }

  @Test("what is tried again never takes the place of a newer text that a container has started with")
  func newerMeanwhile() throws {
    let world = try EnforcerWorld()
    let other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(world.start("c1"), profile: profile(), expectsFilter: false)
    world.kernel.refuseOnce("open")
    #expect(throws: BackendError.self) { try world.enforcer.replace(changed()) }
    var newest = changed()
    newest.mode = .audit
    try world.enforcer.activate(other.start("c2"), profile: newest, expectsFilter: false)
    let revision = try #require(world.kernel.rows[try other.cgroupID]?.revision)
    try world.enforcer.replaceUnfinished { _, _ in }
    #expect([try world.cgroupID, try other.cgroupID].map { world.kernel.rows[$0]?.revision } == [revision, revision])
  }

  @Test("a changed profile that the kernel refuses for one container reaches the others, and that one later")
  func halfReplaced() throws {
    let world = try EnforcerWorld()
    let other = try EnforcerWorld(beside: world)
    try world.enforcer.activate(world.start("c1"), profile: profile(), expectsFilter: false)
    try world.enforcer.activate(other.start("c2"), profile: profile(), expectsFilter: false)
    world.kernel.refuseOnce("open")
    #expect(throws: BackendError.self) { try world.enforcer.replace(changed()) }
    let revisions = [try world.cgroupID, try other.cgroupID].map { world.kernel.rows[$0]?.revision }
    #expect(Set(revisions) == Set(world.kernel.policies) && world.kernel.policies.count == 2)
    #expect(["c1", "c2"].map { world.enforcer.entry($0)?.revision } == revisions)

    try world.enforcer.replaceUnfinished { _, _ in }
    try world.sweepPolicies()
    #expect(world.kernel.policies.count == 1)
    #expect(world.kernel.rows.values.allSatisfy { $0.revision.map(world.kernel.policies.contains) == true })
  }

  @Test(
    "nobody waits for the table while the kernel's long lists are worked off",
    arguments: ["remove policy", "sweep strays"])
  func longLists(step: String) throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    try world.enforcer.replace(changed())
    let isFree = Monitor<Bool?>(nil)
    world.kernel.during(step) { [enforcer = world.enforcer] in
      let thread = try? Thread { _ = enforcer.containerIDs }
      let looked = thread?.join(milliseconds: 30_000)
      isFree.withLock { $0 = looked }
    }
    let now = ContinuousClock.now
    for time in [now, now + ConfinementTable.policyGrace] { try world.enforcer.removeUnusedPolicies(now: time) }
    try world.enforcer.sweepStrays()
    #expect(isFree.read { $0 } == true)
  }

  @Test("all policies that are due go in one step, and none goes at its container's end that an earlier process wrote")
  func dueAtOnce() throws {
    let world = try EnforcerWorld()
    let other = try EnforcerWorld(beside: world)
    for (world, id, name) in [(world, "c1", "p"), (other, "c2", "q")] {
      try world.enforcer.activate(world.start(id), profile: profile(name), expectsFilter: false)
    }
    let enforcer = try world.newEnforcer()
    try enforcer.inherit()
    world.ends()
    other.ends()
    for id in enforcer.containerIDs { #expect(try enforcer.release(id)) }
    #expect(world.kernel.policies.count == 2)
    try world.sweepPolicies()
    #expect(world.kernel.policies.isEmpty)
    #expect(world.kernel.steps.count { $0 == "remove policy" } == 1)
  }

  @Test("two containers of a profile share one revision")
  func shared() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    #expect(world.kernel.policies.count == 1)
  }

  @Test("leftovers of an earlier process are taken away, and gates of pods that are gone")
  func leftovers() throws {
    let world = try EnforcerWorld()
    for (id, state) in [(CgroupID(1 << 40), .open), (CgroupID((1 << 40) + 1), .gate)]
      as [(CgroupID, ContainerEntry.State)]
    {
      try world.kernel.put(
        ContainerEntry(cgroupID: id, revision: 7, state: state))
    }
    try world.enforcer.settle(sandboxes: [])
    #expect(world.kernel.rows.isEmpty)
  }

  private func put(_ state: ContainerEntry.State, _ world: EnforcerWorld) throws {
    try world.kernel.put(
      ContainerEntry(cgroupID: try world.cgroupID, revision: 7, state: state))
  }

  @Test("what an earlier process confined stays as it is while the runtime does not say what runs, and ends with it")
  func inherited() throws {
    let world = try EnforcerWorld()
    try put(.open, world)
    try world.enforcer.inherit()
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    let id = try #require(world.enforcer.containerIDs.first)
    #expect(world.enforcer.endedContainers == [])
    world.ends()
    #expect(world.enforcer.endedContainers == [id])
    #expect(try world.enforcer.release(id))
    #expect(world.kernel.rows.isEmpty)
  }

  @Test("what an earlier process confined in a cgroup that is gone is taken away with its policy")
  func inheritedGone() throws {
    let world = try EnforcerWorld()
    try world.enforcer.activate(world.start(), profile: profile(), expectsFilter: false)
    world.ends()
    rmdir(world.directory)
    try world.newEnforcer().inherit()
    try world.sweepPolicies()
    #expect(world.kernel.rows.isEmpty && world.kernel.policies.isEmpty && world.kernel.attached.isEmpty)
  }

  @Test("a gate that an earlier process closed stays closed while processes are behind it", arguments: [false, true])
  func inheritedGate(isFormer: Bool) throws {
    let world = try EnforcerWorld()
    try closeGate(world, isFormer: isFormer)
    try world.enforcer.inherit()
    try world.enforcer.settle(sandboxes: [])
    try world.enforcer.openGoneGates()
    #expect(world.kernel.gateStates == [try world.cgroupID: .closed])
    #expect(world.kernel.rows.isEmpty)
    #expect(try !world.enforcer.removeIfUnused())
    world.ends()
    try world.enforcer.openGoneGates()
    #expect(world.kernel.gateStates.isEmpty && world.kernel.rows.isEmpty)
  }

  /// - Parameter isFormer: as a Stockade did that kept gates among the containers.
  private func closeGate(_ world: EnforcerWorld, isFormer: Bool) throws {
    if isFormer { return try put(.gate, world) }
    try world.kernel.setGate(try world.cgroupID, .closed, sandbox: nil)
  }

  @Test("a gate that an earlier process closed holds nothing back once its pod needs none")
  func inheritedGateOfAnother() throws {
    let pod = try PodFolder(), world = try EnforcerWorld()
    try world.kernel.setGate(pod.id, .closed, sandbox: nil)
    try world.enforcer.openGate(pod.sandbox("s1"))
    #expect(world.kernel.gateStates.isEmpty)
  }

  @Test("a pod's gate outlives its sandboxes, and ends when none is left, and no process")
  func podGate() throws {
    let pod = try PodFolder(), world = try EnforcerWorld()
    let closed = [pod.id: GateState.closed]
    #expect(try world.enforcer.closeGate(pod.sandbox("s1")) == 0)
    #expect(try world.enforcer.closeGate(pod.sandbox("s2")) == 0)
    // Of the older one, late.
    world.enforcer.forgetSandbox("s1")
    try world.enforcer.openGoneGates()
    #expect(world.kernel.gateStates == closed)
    #expect(try !world.enforcer.removeIfUnused())
    world.enforcer.forgetSandbox("s2")
    #expect(world.kernel.gateStates == closed, "the runtime waits for no kernel call")
    try world.enforcer.openGoneGates()
    #expect(world.kernel.gateStates.isEmpty)
    #expect(try world.enforcer.removeIfUnused())
  }

  @Test("what is known of a sandbox's process is its cgroup and its shim; nothing where it is over, or where none is")
  func sandboxProcess() throws {
    let pod = try PodFolder(), world = try EnforcerWorld()
    let child = try pod.makeProcess()
    _ = try world.enforcer.closeGate(pod.sandbox("s1", .pid(child.pid)))
    let known = try #require(try world.kernel.sandbox(pod.id))
    #expect(known.cgroup == child.cgroup && known.bound == child.cgroup)
    #expect(known.shim?.pid == UInt32(getpid()))
    let ticks = try ProcessStat.startTicks(in: "/proc/self")
    #expect(known.shim?.startTicks == ticks)
    pod.endProcess()
    for process in [.pid(child.pid), .unknown] as [Enforcer.SandboxProcess] {
      _ = try world.enforcer.closeGate(pod.sandbox("s1", process))
      #expect(try world.kernel.sandbox(pod.id)?.cgroup == child.cgroup, "the kernel knows better")
    }
    _ = try world.enforcer.closeGate(pod.sandbox("s1", .noneOrOver))
    #expect(try world.kernel.sandbox(pod.id)?.cgroup == child.cgroup, "it is over")
    for process in [.none, .noneOrOver] as [Enforcer.SandboxProcess] {
      _ = try world.enforcer.closeGate(pod.sandbox("s2", process))
      #expect(try world.kernel.sandbox(pod.id)?.firstChild == .noProcess)
    }
    let new = try PodFolder()
    _ = try world.enforcer.closeGate(new.sandbox("s3", .noneOrOver))
    #expect(try world.kernel.sandbox(new.id)?.firstChild == .noProcess)
  }

  @Test("in a pod that is older than its gate nothing is known of what lies there; where nothing does, none is there")
  func olderPods() throws {
    let (empty, older, world) = (try PodFolder(), try PodFolder(), try EnforcerWorld())
    _ = try older.makeProcess()
    for (pod, first) in [(empty, .awaited), (older, .unknown)] as [(PodFolder, SandboxEntry.FirstChild)] {
      _ = try world.enforcer.closeGate(pod.sandbox("s3", .unknown))
      #expect(try world.kernel.sandbox(pod.id)?.firstChild == first)
      // As a Stockade wrote it that kept gates among the containers.
      try world.kernel.removeGate(pod.id)
      try world.kernel.put(
        ContainerEntry(cgroupID: pod.id, revision: nil, state: .gate))
      try world.newEnforcer().inherit()
      #expect(try world.kernel.sandbox(pod.id)?.firstChild == first)
    }
  }

  @Test("a gate that the kernel takes only half of is not there")
  func refusedGate() throws {
    let pod = try PodFolder(), world = try EnforcerWorld()
    world.kernel.refuse("gate")
    #expect(throws: EnforcementError.self) { try world.enforcer.closeGate(pod.sandbox("s1")) }
    #expect(world.kernel.steps == ["remove gate"])
  }

  @Test("a container behind a gate that an earlier process closed can be let through without a profile")
  func behindInheritedGate() throws {
    let world = try EnforcerWorld()
    try world.kernel.setGate(try world.cgroupID, .closed, sandbox: nil)
    try world.enforcer.inherit()
    for (id, name, state) in [("c2", "/sibling", .open), ("c3", "-beside", nil)]
      as [(String, String, ContainerEntry.State?)]
    {
      try Files.makeFolder(world.directory + name)
      defer { rmdir(world.directory + name) }
      try world.enforcer.admit(start(id, in: world.path + name, pid: world.pid))
      #expect(world.kernel.rows[try Cgroup(directory: world.directory + name).id]?.state == state)
    }
  }

  private func start(_ id: String = "c2", in path: String, pid: UInt32) -> Enforcer.Start {
    Enforcer.Start(
      subject: Subject(
        containerID: id, containerName: "", podName: "", podNamespace: "", podUID: "", image: ""),
      sandboxID: "unknown", cgroupsPath: path, pid: pid)
  }

  @Test("a container that was inherited and is then listed is its own again")
  func listed() throws {
    let world = try EnforcerWorld()
    try put(.open, world)
    try world.enforcer.inherit()
    try world.enforcer.adopt(world.start(), profile: profile(), expectsFilter: false)
    try world.enforcer.settle(sandboxes: [])
    #expect(world.enforcer.containerIDs == ["c1"])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
  }

  @Test("a container that was inherited and is refused when it starts is closed")
  func inheritedRefused() throws {
    let world = try EnforcerWorld()
    try put(.open, world)
    try world.enforcer.inherit()
    world.kernel.refuse("install")
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: profile(), expectsFilter: false)
    }
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
  }

  @Test("what was let through without a policy, and which the runtime does not list, runs on: a sandbox's own process")
  func letThrough() throws {
    let world = try EnforcerWorld()
    try world.kernel.put(
      ContainerEntry(cgroupID: try world.cgroupID, revision: nil, state: .open))
    try world.enforcer.inherit()
    try world.enforcer.settle(sandboxes: [])
    #expect(world.kernel.rows[try world.cgroupID]?.state == .open)
    #expect(world.enforcer.containerIDs.isEmpty)
    world.ends()
    rmdir(world.directory)
    try world.enforcer.settle(sandboxes: [])
    #expect(world.kernel.rows.isEmpty)
  }

  @Test("what an earlier process confined is not taken out of the kernel by one that never learned of it")
  func notTaken() throws {
    let world = try EnforcerWorld()
    try put(.open, world)
    #expect(try !world.enforcer.removeIfUnused())
    #expect(world.kernel.rows.count == 1)
    world.ends()
    rmdir(world.directory)
    #expect(try world.enforcer.removeIfUnused())
  }

  @Test("a container with a running task that cannot be bound is closed, and that is told")
  func unbound() throws {
    let world = try EnforcerWorld(), other = try EnforcerWorld(beside: world)
    try put(.open, world)
    try put(.open, other)
    world.kernel.setUnbound([try world.cgroupID])
    let error = #expect(throws: BackendError.self) { try world.enforcer.inherit() }
    let id = "orphan:\(try world.cgroupID)"
    #expect(
      error?.message
        == "there is no memory to bind running tasks of containers, which may execute nothing from now on: \(id)")
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
    #expect(world.enforcer.entry(id)?.phase == .closing)
    #expect(world.kernel.rows[try other.cgroupID]?.state == .open)
  }

  @Test("as long as a process lives that left its container's cgroup, nothing is taken out of the kernel")
  func strays() throws {
    let world = try EnforcerWorld()
    world.kernel.setStrays(true)
    #expect(try !world.enforcer.removeIfUnused())
    #expect(world.kernel.steps.isEmpty)
    world.kernel.setStrays(false)
    #expect(try world.enforcer.removeIfUnused())
  }

  @Test(
    "what sets no filter is refused where the profile expects one",
    .enabled(if: !EnforcerWorld.isFiltered, "the tests themselves run under a seccomp filter"))
  func filters() throws {
    let world = try EnforcerWorld()
    let error = #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(world.start(), profile: profile(), expectsFilter: true)
    }
    #expect(error.map { "\($0)".contains("has no seccomp filter although the profile sets one") } == true)
    #expect(world.kernel.rows[try world.cgroupID]?.state == .closed)
  }
}

/// The cgroup of a pod, as the kubelet names it, and in it that of its sandbox's process.
final class PodFolder {
  let uid = "stockade-test-\(UInt64.random(in: 0...UInt64.max))"
  let directory: String
  let id: CgroupID
  private var child: pid_t = 0

  init() throws {
    directory = (try CgroupHierarchy.current().root ?? "") + "/pod\(uid)"
    try Files.makeFolder(directory)
    id = try Cgroup(directory: directory).id
  }

  deinit {
    endProcess()
    rmdir(directory)
  }

  func sandbox(_ id: String, _ process: Enforcer.SandboxProcess = .none) -> Enforcer.Sandbox {
    Enforcer.Sandbox(
      id: id, cgroupParent: "/pod\(uid)", process: process,
      subject: Subject(
        containerID: "", containerName: "", podName: "pod", podNamespace: "ns", podUID: uid, image: ""))
  }

  func makeProcess() throws -> (pid: UInt32, cgroup: CgroupID) {
    try Files.makeFolder(directory + "/sandbox")
    child = try spawn("sleep", ["sleep", "600"], streams: [], ownGroup: false)
    try Files.write("\(child)", to: directory + "/sandbox/cgroup.procs")
    return (UInt32(child), try Cgroup(directory: directory + "/sandbox").id)
  }

  func endProcess() {
    guard child > 0 else { return }
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
    child = 0
    while rmdir(directory + "/sandbox") == -1, errno == EBUSY { sched_yield() }
  }
}
