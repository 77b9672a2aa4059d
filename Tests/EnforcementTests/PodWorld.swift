import BPF
import Enforcement
import Glibc
import System

/// A pod's cgroup with a gate, a root folder with a program, and shims that start processes in cgroups of the pod.
final class PodWorld {
  let bench: ExecBench
  let pod: String
  let podID: CgroupID
  let folder: String

  init() throws {
    bench = try ExecBench.shared()
    let name = "stockade-test-pod-\(UInt64.random(in: 0...UInt64.max))"
    pod = "\(NetworkBench.cgroupRoot)/\(name)"
    folder = "/tmp/\(name)"
    try Files.makeFolder(pod)
    podID = CgroupID(UInt64(try Files.status(pod).st_ino))
    try Files.makeFolder(folder)
    try bench.writeProgram(to: "\(folder)/program")
  }

  deinit {
    try? bench.policy.removeGate(podID)
    removeCgroup(pod)
    removeTree(folder)
  }

  func close(_ sandbox: SandboxEntry? = nil) throws {
    try bench.policy.setGate(podID, .closed, sandbox: sandbox)
  }

  var sandbox: SandboxEntry? { get throws { try bench.policy.sandbox(podID) } }

  @discardableResult
  func make(_ name: String) throws -> CgroupID {
    try Files.makeFolder("\(pod)/\(name)")
    return CgroupID(UInt64(try Files.status("\(pod)/\(name)").st_ino))
  }

  /// As runtimes do, which wait for the end of the last process. From some kernel on it is later than its parent knows.
  func remove(_ name: String) {
    waitUntilEmpty(name)
    removeCgroup("\(pod)/\(name)")
  }

  func waitUntilEmpty(_ name: String) {
    while (try? Cgroup(directory: "\(pod)/\(name)").isEmpty()) == false { sched_yield() }
  }

  func shim() throws -> PythonActor { try PythonActor(launcher: [], prelude: ExecActor.prelude) }

  /// What becomes of a container's or sandbox's program, which ends at once.
  func start(_ shim: PythonActor, in name: String) -> String {
    shim.run("contain('\(pod)/\(name)', '\(folder)', '/program')")
  }
}
