import BPF
import Daemon
import Enforcement
import EnforcementTesting
import Glibc
import NRI
import PolicyTesting
import System

/// A node with pods and containers that have cgroups and processes of their own. It does something random again and
/// again, tells the plugin of it or not, and tells the model.
final class SessionWorld {
  private struct Pod {
    let index: Int
    let uid: String
    var wish = SessionModel.Wish.nothing
    /// The sandboxes that run, the newest last.
    var sandboxes: [String] = []
  }

  private struct Member {
    let id: String
    let pod: Int
    let sandbox: String
    /// The process that is in it; nil: it has ended.
    var process: Int?
  }

  let kernel = FakeBackend(tier: .signal)
  private(set) var model = SessionModel()
  /// What was done, for messages.
  private(set) var done: [String] = []

  private let base: String
  private let root: String
  private let library: LoadedProfiles
  private var random: SplitMix
  private var plugin: Plugin
  private var enforcer: Enforcer
  private var pods: [Pod]
  private var containers: [Member] = []
  private let processes: [pid_t]
  private var number = 0

  private static let podCount = 3
  private static let processCount = 5

  init(seed: UInt64) throws {
    random = SplitMix(state: seed)
    root = try CgroupHierarchy.current().root ?? ""
    base = "/stockade-test-session-\(UInt64.random(in: 0...UInt64.max))"
    pods = (0..<Self.podCount).map { Pod(index: $0, uid: "uid-of-pod-\($0)") }
    try Files.makeFolder(root + base + "/parked")
    processes = try (0..<Self.processCount).map { _ in
      try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    }
    library = try DaemonTests.library([
      "metadata: {name: p}\nspec: {acceptPartial: true, process: {newExecutables: Allow, "
        + "rules: [{path: /bin/id, action: Block}]}}\n",
      "metadata: {name: audit}\nspec: {mode: Audit, acceptPartial: true, process: {newExecutables: Allow, "
        + "rules: [{path: /bin/id, action: Block}]}}\n",
    ])
    (plugin, enforcer) = try Self.process(kernel, library)
    for process in processes.indices { try park(process) }
    try configure()
  }

  deinit {
    for process in processes {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    for container in containers { remove(folder(container)) }
    for pod in pods { remove(folder(pod)) }
    remove(root + base + "/parked")
    remove(root + base)
  }

  /// From some kernel on a process leaves its cgroup later than its parent knows.
  private func remove(_ folder: String) {
    while rmdir(folder) == -1, errno == EBUSY { sched_yield() }
  }

  private static func process(_ kernel: FakeBackend, _ library: LoadedProfiles) throws -> (Plugin, Enforcer) {
    let enforcer = Enforcer(kernel: kernel, hierarchy: try CgroupHierarchy.current(), runtimeMountNamespace: 1)
    return (try DaemonTests.plugin(profiles: library, enforcer: enforcer), enforcer)
  }

  // MARK: Cgroups

  private func path(_ pod: Pod) -> String { "\(base)/pod\(pod.uid)" }
  private func folder(_ pod: Pod) -> String { root + path(pod) }
  private func path(_ container: Member) -> String { "\(path(pods[container.pod]))/\(container.id)" }
  private func folder(_ container: Member) -> String { root + path(container) }
  private func cgroup(at folder: String) -> CgroupID? { try? Cgroup(directory: folder).id }

  private func isThere(_ id: CgroupID) -> Bool { (try? Cgroup.find(id, in: root)) != nil }
  private func isEmpty(_ id: CgroupID) -> Bool { (try? Cgroup.find(id, in: root)?.isEmpty()) != false }

  private func park(_ process: Int) throws {
    try Files.write("\(processes[process])", to: root + base + "/parked/cgroup.procs")
  }

  // MARK: Steps

  private enum Step: CaseIterable {
    case runSandbox, removeSandbox, removePod
    case start, startAgain, startElsewhere, startUnderOtherName
    case endProcess, stop, removeContainer, removeUnknown
    case sweep, connectAgain, restart, synchronize
  }

  func step() throws {
    let step = Step.allCases.randomElement(using: &random)!
    done.append("\(step)")
    switch step {
    case .runSandbox: try runSandbox()
    case .removeSandbox: try removeSandbox()
    case .removePod: removePod()
    case .start: try start()
    case .startAgain: try startAgain()
    case .startElsewhere: try startElsewhere()
    case .startUnderOtherName: try startUnderOtherName()
    case .endProcess: try endProcess()
    case .stop, .removeContainer: try end(told: step)
    case .removeUnknown: try plugin.removeContainer(pod: PodSandbox(), container: message("nobody", "/nowhere", 0))
    case .sweep: try sweep()
    case .connectAgain: try configure()
    case .restart:
      (plugin, enforcer) = try Self.process(kernel, library)
      model.restart()
      try configure()
    case .synchronize: try synchronize()
    }
  }

  private func configure() throws {
    _ = try plugin.configure(runtime("2.3.4", nri: "0.12.0"))
    model.inherit(isThere: isThere)
  }

  /// Also a second one, beside the first or after it. The runtime may forget to tell.
  private func runSandbox() throws {
    let index = pods.indices.randomElement(using: &random)!
    if pods[index].sandboxes.isEmpty { pods[index].wish = SessionModel.Wish.allCases.randomElement(using: &random)! }
    try Files.makeFolder(folder(pods[index]))
    number += 1
    let id = "sandbox-\(number)"
    pods[index].sandboxes.append(id)
    guard isTold else { return }
    try plugin.runPodSandbox(message(pods[index], id))
    model.run(id, in: cgroup(at: folder(pods[index]))!, pods[index].wish)
  }

  private func removeSandbox() throws {
    let index = pods.indices.randomElement(using: &random)!
    guard let id = pods[index].sandboxes.randomElement(using: &random) else { return }
    pods[index].sandboxes.removeAll { $0 == id }
    guard isTold else { return }
    try plugin.removePodSandbox(message(pods[index], id))
    model.remove(sandbox: id)
  }

  /// The kubelet removes the pod's cgroup, as soon as nothing is in it.
  private func removePod() {
    guard let pod = pods.randomElement(using: &random), pod.sandboxes.isEmpty else { return }
    for container in containers where container.pod == pod.index && container.process == nil {
      rmdir(folder(container))
    }
    rmdir(folder(pod))
  }

  private func start() throws {
    guard let pod = pods.filter({ !$0.sandboxes.isEmpty }).randomElement(using: &random), let process = idle else {
      return
    }
    number += 1
    let container = Member(id: "c\(number)", pod: pod.index, sandbox: pod.sandboxes.last!, process: process)
    containers.append(container)
    try Files.makeFolder(folder(container))
    try Files.write("\(processes[process])", to: folder(container) + "/cgroup.procs")
    if isTold { try start(container, path: path(container), process: process) }
  }

  /// One that runs, or whose start was refused or not told.
  private func startAgain() throws {
    guard let container = running.randomElement(using: &random) else { return }
    try start(container, path: path(container), process: container.process!)
  }

  /// The process that is named is not in the cgroup that is named, or no cgroup is named.
  private func startElsewhere() throws {
    guard let container = running.randomElement(using: &random), let process = idle else { return }
    let path = ["", "/..", base + "/nowhere", self.path(container)].randomElement(using: &random)!
    try start(container, path: path, process: process)
  }

  /// A container that says it has the cgroup of another one.
  private func startUnderOtherName() throws {
    guard let container = running.randomElement(using: &random) else { return }
    number += 1
    let other = Member(id: "x\(number)", pod: container.pod, sandbox: container.sandbox, process: container.process)
    try start(other, path: path(container), process: container.process!)
  }

  private func start(_ container: Member, path: String, process: Int) throws {
    let isRight = model.start(report(container, path: path, process: process))
    var isStarted = true
    let sandbox = message(pods[container.pod], container.sandbox)
    do {
      try plugin.startContainer(pod: sandbox, container: message(container.id, path, processes[process]))
    } catch { isStarted = false }
    if isStarted != isRight { done.append("it \(isStarted ? "is" : "is not") started, and the model says otherwise") }
    isAsModelSays = isAsModelSays && isStarted == isRight
  }

  private(set) var isAsModelSays = true

  private func report(_ container: Member, path: String, process: Int) -> SessionModel.Report {
    let folder = root + path
    let cgroup = path.hasPrefix(base) ? cgroup(at: folder) : nil
    let inside = (try? Files.text(folder + "/cgroup.procs"))?.split(separator: "\n") ?? []
    return SessionModel.Report(
      id: container.id, sandbox: container.sandbox, cgroup: cgroup,
      pod: self.cgroup(at: self.folder(pods[container.pod])) ?? CgroupID(0),
      isInside: inside.contains("\(processes[process])"), wish: pods[container.pod].wish)
  }

  private func endProcess() throws {
    guard let index = containers.indices.filter({ containers[$0].process != nil }).randomElement(using: &random) else {
      return
    }
    try park(containers[index].process!)
    containers[index].process = nil
    // The runtime removes the cgroup, sooner or later.
    if Bool.random(using: &random) { rmdir(folder(containers[index])) }
  }

  /// Also of one that still runs, or of which it was told before.
  private func end(told step: Step) throws {
    guard let container = containers.suffix(8).randomElement(using: &random) else { return }
    let sandbox = message(pods[container.pod], container.sandbox)
    let report = message(container.id, path(container), 0)
    if step == .stop {
      try plugin.stopContainer(pod: sandbox, container: report)
    } else {
      try plugin.removeContainer(pod: sandbox, container: report)
    }
    model.end(container.id, isEmpty: isEmpty)
  }

  /// As NodeSweep does, with every policy's grace over.
  private func sweep() throws {
    for id in enforcer.endedContainers { _ = try enforcer.release(id) }
    try enforcer.openGoneGates()
    let now = ContinuousClock.now
    for time in [now, now + ConfinementTable.policyGrace] { try enforcer.removeUnusedPolicies(now: time) }
    model.sweep(isEmpty: isEmpty, isThere: isThere)
  }

  private func synchronize() throws {
    let listed = pods.filter { cgroup(at: folder($0)) != nil }
    let sandboxes = listed.flatMap { pod in pod.sandboxes.map { (pod, $0) } }
    let present = running.filter { container in sandboxes.contains { $0.1 == container.sandbox } && isTold }
    try plugin.synchronize(
      pods: sandboxes.map { message($0.0, $0.1) },
      containers: present.map { container in
        var message = message(container.id, path(container), processes[container.process!])
        (message.podSandboxID, message.state) = (container.sandbox, ContainerState.running.rawValue)
        return message
      })
    model.synchronize(
      sandboxes: sandboxes.map { ($0.1, cgroup(at: folder($0.0))!, $0.0.wish) },
      containers: present.map { report($0, path: path($0), process: $0.process!) }, isEmpty: isEmpty, isThere: isThere)
  }

  // MARK: Messages

  /// Most of what happens is told.
  private var isTold: Bool { Int.random(in: 0..<5, using: &random) > 0 }
  private var running: [Member] { containers.filter { $0.process != nil } }
  private var idle: Int? { processes.indices.first { index in !containers.contains { $0.process == index } } }

  private func message(_ pod: Pod, _ sandbox: String) -> PodSandbox {
    var message = PodSandbox()
    (message.id, message.uid, message.cgroupParent) = (sandbox, pod.uid, path(pod))
    (message.namespace, message.name) = ("shop", "pod-\(pod.index)")
    switch pod.wish {
    case .nothing: break
    case .profile: message.annotations = [all: "p"]
    case .missing: message.annotations = [all: "gone"]
    case .audit: message.annotations = [all: "audit"]
    }
    return message
  }

  private func message(_ id: String, _ path: String, _ pid: pid_t) -> Container {
    var message = Container()
    (message.id, message.name, message.cgroupsPath, message.hasLinux) = (id, "app", path, true)
    message.pid = UInt32(pid)
    return message
  }
}
