import BPF
import Compilation
import Enforcement
import Glibc
import Policy
import System

/// A cgroup of its own with one process in it, which stands for a container's.
package final class EnforcerWorld {
  /// Whether this machine has what it needs.
  package static let isPossible = getuid() == 0 && (try? CgroupHierarchy.current().root) != nil

  /// Whether what we start inherits a seccomp filter.
  package static let isFiltered = (try? Files.text("/proc/self/status").contains("Seccomp:\t2")) ?? true

  package let kernel: FakeBackend
  package let enforcer: Enforcer
  package let path: String
  package let directory: String
  package var pid: UInt32 { UInt32(child) }
  private var child: pid_t = 0

  /// - Parameters:
  ///   - tier: of the node.
  ///   - runtimeMountNamespace: nil: another one than the process's.
  ///   - neighbour: on whose node this container is as well.
  ///   - ownMounts: its process has a mount namespace of its own, as a container's.
  package init(
    tier: Tier = .lsm, runtimeMountNamespace: UInt64? = nil, beside neighbour: EnforcerWorld? = nil,
    ownMounts: Bool = false
  ) throws {
    let hierarchy = try CgroupHierarchy.current()
    kernel = neighbour?.kernel ?? FakeBackend(tier: tier)
    path = "/stockade-test-enforcer-\(UInt64.random(in: 0...UInt64.max))"
    directory = (hierarchy.root ?? "") + path
    enforcer =
      neighbour?.enforcer
      ?? Enforcer(kernel: kernel, hierarchy: hierarchy, runtimeMountNamespace: runtimeMountNamespace ?? 1)
    try Files.makeFolder(directory)
    child = try Self.sleep(ownMounts: ownMounts)
    try Files.write("\(child)", to: directory + "/cgroup.procs")
  }

  deinit {
    othersEnd()
    if child > 0 { ends() }
    for folder in inner.reversed() { rmdir(folder) }
    rmdir(directory)
  }

  package var cgroupID: CgroupID { get throws { try Cgroup(directory: directory).id } }

  /// As a new process has it: the kernel alone remembers.
  package func newEnforcer() throws -> Enforcer {
    Enforcer(kernel: kernel, hierarchy: try CgroupHierarchy.current(), runtimeMountNamespace: 1)
  }

  package func start(_ id: String = "c1") -> Enforcer.Start {
    Enforcer.Start(
      subject: Subject(
        containerID: id, containerName: "app", podName: "pod", podNamespace: "ns", podUID: "uid", image: "image"),
      sandboxID: "s1", cgroupsPath: path, pid: pid)
  }

  /// As at a Start under failurePolicy Fail.
  package func activateOrRefuse(_ start: Enforcer.Start, profile: Profile, expectsFilter: Bool) throws(EnforcementError)
  {
    do throws(EnforcementError) {
      try enforcer.activate(start, profile: profile, expectsFilter: expectsFilter)
    } catch {
      enforcer.close(start)
      throw error
    }
  }

  /// As sweeps do, before and after the grace of policies that no container has.
  package func sweepPolicies() throws {
    let now = ContinuousClock.now, enforcer = try newEnforcer()
    try enforcer.removeUnusedPolicies(now: now)
    try enforcer.removeUnusedPolicies(now: now + ConfinementTable.policyGrace)
  }

  /// A process beside the container's own, in its cgroup or in a new one below; ends with `others`.
  package func join(below name: String? = nil) throws -> UInt32 {
    let folder = directory + (name.map { "/\($0)" } ?? "")
    try Files.makeFolder(folder)
    let other = try Self.sleep()
    others.append((other, folder))
    try Files.write("\(other)", to: folder + "/cgroup.procs")
    return UInt32(other)
  }

  /// The container's own process goes to a new cgroup below, as systemd and crun have it.
  package func moves(below name: String) throws {
    try Files.makeFolder("\(directory)/\(name)")
    inner.append("\(directory)/\(name)")
    try Files.write("\(pid)", to: "\(directory)/\(name)/cgroup.procs")
  }

  /// The deepest last.
  private var inner: [String] = []

  private var others: [(pid: pid_t, folder: String)] = []

  package func othersEnd() {
    for (pid, folder) in others {
      kill(pid, SIGKILL)
      waitpid(pid, nil, 0)
      while (try? Files.text(folder + "/cgroup.procs").contains("\(pid)\n")) == true { sched_yield() }
      if folder != directory { rmdir(folder) }
    }
    others = []
  }

  private static func sleep(ownMounts: Bool = false) throws -> pid_t {
    var child: pid_t = 0
    let words = (ownMounts ? ["unshare", "--mount"] : []) + ["sleep", "600"]
    let arguments = words.map { strdup($0) } + [nil]
    defer { for word in arguments { free(word) } }
    let code = posix_spawnp(&child, words[0], nil, nil, arguments, environ)
    if code != 0 { throw Errno(code, "run \(words[0])") }
    while ownMounts, try Files.text("/proc/\(child)/comm") != "sleep\n" { usleep(1000) }
    return child
  }

  /// Whether somebody else has ended the process.
  package func hasEnded(within time: Duration) -> Bool {
    let end = ContinuousClock.now + time
    while ContinuousClock.now < end {
      var status: siginfo_t = siginfo_t()
      if waitid(P_PID, id_t(child), &status, WEXITED | WNOHANG | WNOWAIT) == 0, status.si_signo == SIGCHLD {
        return true
      }
      usleep(1000)
    }
    return false
  }

  /// The process ends; its cgroup stays, empty.
  package func ends() {
    guard child > 0 else { return }
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
    child = 0
    for folder in inner + [directory] {
      while (try? Files.text(folder + "/cgroup.procs").isEmpty) == false { sched_yield() }
    }
  }
}

/// With profiles as tests write them, of which each can be compiled.
extension Enforcer {
  /// As at a Start.
  ///
  /// - Returns: what is not in force.
  @discardableResult
  package func activate(_ start: Start, profile: Profile, expectsFilter: Bool) throws(EnforcementError) -> [Gap] {
    var facts = ContainerFacts()
    facts.filterWasSent = expectsFilter
    return try open(try plan(start, try! CompiledProfile(profile), known: facts)) { true }!.gaps
  }

  /// As at Synchronize.
  ///
  /// - Returns: what is not in force.
  @discardableResult
  package func adopt(_ start: Start, profile: Profile, expectsFilter: Bool) throws(EnforcementError) -> [Gap] {
    var facts = ContainerFacts()
    (facts.filterWasSent, facts.ranBefore) = (expectsFilter, true)
    return try open(try plan(start, try! CompiledProfile(profile), known: facts)) { true }!.gaps
  }

  /// - Returns: what was judged of the containers that got it.
  @discardableResult
  package func replace(_ profile: Profile) throws(BackendError) -> [Assessment] {
    var told: [Assessment] = []
    try replace(try! CompiledProfile(profile)) { told.append($1) }
    return told
  }
}
