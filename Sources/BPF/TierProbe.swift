import CBPF
import CStockade
import Glibc
import System

/// Proves a tier by doing it: programs that load and attach do not always run. A child in a scratch cgroup, under a
/// policy that allows nothing, opens a file and execs.
package struct TierProbe: ~Copyable {
  /// What became of the child.
  package enum Outcome: Equatable, Sendable {
    /// The exec was refused; `files`: the opening of a file too.
    case refused(files: Bool)
    case killed
    /// The status of wait(2).
    case notStopped(status: Int32)
  }

  /// The scratch cgroup, by which the events of the probes can be told.
  package let cgroupID: UInt64
  private let path: String

  /// - Parameter cgroupRoot: where the hierarchy is mounted in which containers are found.
  package init(cgroupRoot: String) throws(BPFError) {
    path = "\(cgroupRoot)/stockade-probe-\(getpid())"
    if mkdir(path, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make the scratch cgroup \(path)")) }
    var status = stat()
    if stat(path, &status) == -1 { throw .system(Errno(errno, "stat \(path)")) }
    cgroupID = UInt64(status.st_ino)
  }

  deinit { rmdir(path) }

  package func run(_ policy: KernelPolicy) throws(BPFError) -> Outcome {
    let revision = UInt64.random(in: 1...UInt64.max)
    try policy.install(.blockingEverything, revision: revision)
    let result: Result<Int32, BPFError>
    do throws(BPFError) {
      try policy.put(
        stockade_container(
          cgroup_id: cgroupID, revision: revision, state: STOCKADE_OPEN.rawValue, root_device: 0, check: 0, pad: 0))
      result = .success(try status(policy))
    } catch { result = .failure(error) }
    try policy.removeContainer(cgroupID)
    try policy.removePolicy(revision)
    return Self.outcome(try result.get())
  }

  private func status(_ policy: KernelPolicy) throws(BPFError) -> Int32 {
    var go: Int32 = -1
    let child = stockade_probe_start("\(path)/cgroup.procs", &go)
    if child < 0 { throw .system(Errno(-child, "start the self-test")) }
    do throws(BPFError) {
      // Files are judged for tasks that are bound already, and it has not executed anything.
      try policy.markRunningTasks()
    } catch {
      _ = stockade_probe_finish(child, go)
      throw error
    }
    let status = stockade_probe_finish(child, go)
    if status < 0 { throw .system(Errno(-status, "run the self-test")) }
    return status
  }

  private static func outcome(_ status: Int32) -> Outcome {
    // wait(2): the low 7 bits are the signal, the next byte the exit status.
    if status & 0x7f == SIGKILL { return .killed }
    switch status >> 8 {
    case Int32(STOCKADE_PROBE_EXEC_REFUSED): return .refused(files: false)
    case Int32(STOCKADE_PROBE_ALL_REFUSED): return .refused(files: true)
    default: return .notStopped(status: status)
    }
  }
}

extension CompiledPolicy {
  fileprivate static var blockingEverything: CompiledPolicy {
    var policy = stockade_policy()
    policy.flags = UInt32(STOCKADE_HAS_PROCESS.rawValue | STOCKADE_HAS_FILE.rawValue)
    let block = UInt8(STOCKADE_BLOCK.rawValue)
    (policy.process_default, policy.file_default, policy.file_strictest) = (block, block, block)
    // The program that is tried is this very one, which may lie on a mount that is gone, or under any path.
    (policy.fileless, policy.over_long) = (block, block)
    return CompiledPolicy(policy: policy)
  }
}
