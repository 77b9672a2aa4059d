import CBPF
import Compilation
import Glibc
import System

/// Proves a tier by a trial, because programs that load and attach do not always run. A child in a scratch cgroup,
/// under a policy that allows nothing, opens a file and execs.
package struct TierProbe: ~Copyable {
  /// What happened to the child.
  package enum Outcome: Equatable, Sendable {
    /// The exec was refused. `files`: so was the opening of a file.
    case refused(files: Bool)
    case killed
    /// The status of wait(2).
    case notStopped(status: Int32)
  }

  /// The events of the probes can be told by this cgroup.
  package var cgroupID: CgroupID { CgroupID(cgroup.id) }
  private let cgroup: ScratchCgroup
  package var path: String { cgroup.path }

  package static let cgroupKind = "stockade-probe"

  /// - Parameter cgroupRoot: the mount point of the hierarchy in which containers are found.
  package init(cgroupRoot: String) throws(BPFError) {
    do { cgroup = try ScratchCgroup(in: cgroupRoot, kind: Self.cgroupKind) } catch {
      throw .system(error)
    }
  }

  package func run(_ policy: PolicyMaps) throws(BPFError) -> Outcome { Self.outcome(try status(policy, Trial())) }

  /// Six processes do over and over what `run` does once. If a tier holds, nothing is opened and nothing is executed.
  /// At tier `signal` files are opened.
  ///
  /// - Parameter seconds: how long.
  package func race(_ policy: PolicyMaps, seconds: UInt32) throws(BPFError) -> RaceCounts {
    try counts(policy, stockade_race_make(seconds, 0), memoryProcs: nil)
  }

  /// This many processes do once what `run` does. All of them are there before the first one tries.
  ///
  /// - Parameter memoryProcs: the `cgroup.procs` of the cgroup whose memory they use; nil: they stay in that of this
  ///   process.
  package func crowd(_ policy: PolicyMaps, of count: UInt32, memoryProcs: String?) throws(BPFError) -> RaceCounts {
    try counts(policy, stockade_race_make(0, count), memoryProcs: memoryProcs)
  }

  private func counts(
    _ policy: PolicyMaps, _ race: OpaquePointer?, memoryProcs: String?
  ) throws(BPFError) -> RaceCounts {
    guard let race else { throw .system(Errno(errno, "make memory for a race")) }
    defer { stockade_race_free(race) }
    _ = try status(policy, Trial(race: race, memoryProcs: memoryProcs))
    return RaceCounts(stockade_race_counts(race))
  }

  /// What the child does, beside joining the scratch cgroup.
  private struct Trial {
    var race: OpaquePointer?
    var memoryProcs: String?
  }

  private func status(_ policy: PolicyMaps, _ trial: Trial) throws(BPFError) -> Int32 {
    let revision = Revision.random()
    try policy.install(.blockingEverything, revision: revision)
    let result: Result<Int32, BPFError>
    do {
      try policy.put(ContainerEntry(cgroupID: cgroupID, revision: revision, state: .open))
      result = .success(try tried(policy, trial))
    } catch { result = .failure(error) }
    try policy.removeContainer(cgroupID)
    try policy.removePolicy(revision)
    return try result.get()
  }

  private func tried(_ policy: PolicyMaps, _ trial: Trial) throws(BPFError) -> Int32 {
    var go: Int32 = -1
    let child = "\(path)/cgroup.procs".withCString { procs in
      func start(_ memory: UnsafePointer<CChar>?) -> Int32 {
        var probe = stockade_probe(cgroup_procs: procs, memory_procs: memory, race: trial.race)
        return stockade_probe_start(&probe, &go)
      }
      return trial.memoryProcs?.withCString { start($0) } ?? start(nil)
    }
    if child < 0 { throw .system(Errno(-child, "start the self-test")) }
    do throws(BPFError) {
      // Files are judged only for tasks that are bound already, and this child has not executed anything.
      guard try !policy.markRunningTasks().contains(cgroupID) else {
        throw .system(Errno(ENOMEM, "bind the process of the self-test"))
      }
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

/// What a crowd could do that tries the same over and over.
package struct RaceCounts: Equatable, Sendable {
  /// How often a file should have been opened, and how often it was opened.
  package var opens, opened: UInt64
  /// The same for a program.
  package var executions, executed: UInt64
  package var forksRefused: UInt64

  package init(opens: UInt64, opened: UInt64, executions: UInt64, executed: UInt64, forksRefused: UInt64 = 0) {
    (self.opens, self.opened) = (opens, opened)
    (self.executions, self.executed, self.forksRefused) = (executions, executed, forksRefused)
  }

  fileprivate init(_ counts: stockade_race_counts) {
    self.init(
      opens: counts.opens, opened: counts.opened, executions: counts.executions, executed: counts.executed,
      forksRefused: counts.forks_refused)
  }
}

extension CompiledPolicy {
  fileprivate static var blockingEverything: CompiledPolicy {
    var policy = CompiledPolicy()
    // The program that is tried is this very program. It may lie on a mount that is gone, or under any path.
    policy.process = .init(defaultAction: .block, newExecutables: .allow, fileless: .block, overLong: .block)
    policy.file = .init(defaultAction: .block, strictest: .block)
    return policy
  }
}
