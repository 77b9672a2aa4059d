import Enforcement
import Glibc
import System

/// A cgroup of its own with one process in it, which stands for a container's.
package final class EnforcerWorld {
  /// Whether this machine has what it needs.
  package static let isPossible = getuid() == 0 && (try? CgroupHierarchy.current().root) != nil

  /// Whether what we start inherits a seccomp filter.
  package static let isFiltered = (try? Files.text("/proc/self/status").contains("Seccomp:\t2")) ?? true

  package let kernel: FakeKernel
  package let enforcer: Enforcer
  package let path: String
  package let directory: String
  package var pid: UInt32 { UInt32(child) }
  private var child: pid_t = 0

  /// - Parameters:
  ///   - runtimeMountNamespace: nil: another one than the process's.
  ///   - neighbour: on whose node this container is as well.
  package init(runtimeMountNamespace: UInt64? = nil, beside neighbour: EnforcerWorld? = nil) throws {
    let hierarchy = try CgroupHierarchy.current()
    kernel = neighbour?.kernel ?? FakeKernel()
    path = "/stockade-test-enforcer-\(UInt64.random(in: 0...UInt64.max))"
    directory = (hierarchy.root ?? "") + path
    enforcer =
      neighbour?.enforcer
      ?? Enforcer(kernel: kernel, hierarchy: hierarchy, runtimeMountNamespace: runtimeMountNamespace ?? 1)
    try Files.makeFolder(directory)
    let arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sleep"), strdup("600"), nil]
    defer { for word in arguments { free(word) } }
    let code = posix_spawnp(&child, "sleep", nil, nil, arguments, environ)
    if code != 0 { throw Errno(code, "run sleep") }
    try Files.write("\(child)", to: directory + "/cgroup.procs")
  }

  deinit {
    if child > 0 { ends() }
    rmdir(directory)
  }

  package var cgroupID: UInt64 { get throws { try Cgroup(directory: directory).id } }

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

  /// As sweeps do, before and after the grace of policies that no container has.
  package func sweepPolicies() throws {
    let now = ContinuousClock.now, enforcer = try newEnforcer()
    try enforcer.removeUnusedPolicies(now: now)
    try enforcer.removeUnusedPolicies(now: now + ConfinementTable.policyGrace)
  }

  /// The process ends; its cgroup stays, empty.
  package func ends() {
    guard child > 0 else { return }
    kill(child, SIGKILL)
    waitpid(child, nil, 0)
    child = 0
    while (try? Files.text(directory + "/cgroup.procs").isEmpty) == false { sched_yield() }
  }
}
