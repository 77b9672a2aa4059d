import BPF
import Enforcement
import Glibc
import Policy
import System

/// Finds out what this node can enforce by trying it, apart from a Stockade that may run.
package enum NodeProbe {
  /// What was proved. Needs root. The calling thread gets a mount namespace of its own. Nothing else is left behind.
  ///
  /// - Throws: `Errno` if the trial itself is not possible here. A node where nothing can be loaded is no error.
  package static func capabilities() throws(Errno) -> NodeCapabilities {
    try proof { (kernel) in Proof(capabilities: kernel.capabilities) }.capabilities
  }

  /// What was proved, and how it stood up to a crowd.
  package struct Proof: Sendable {
    package var capabilities: NodeCapabilities
    /// How what seccomp filters deny is seen.
    package var syscalls = SyscallSight.not(because: "no BPF programs can be loaded")
    /// nil: no trials were asked for, or there is no tier.
    package var trials: Trials?
  }

  /// Where denied system calls are seen.
  package enum SyscallSight: Equatable, Sendable {
    case trampoline
    case tracepoint(because: String)
    case not(because: String)
  }

  /// What processes could do under a profile that allows nothing.
  package struct Trials: Sendable {
    /// A few processes that try over and over.
    package var race: RaceCounts
    /// The programs on which the tier depends and that the kernel skipped, and how often it skipped each.
    package var skipped: [ProgramRuns]
    /// Many processes at once, while this process had no memory left.
    package var crowd: Result<RaceCounts, Errno>

    package init(race: RaceCounts, skipped: [ProgramRuns], crowd: Result<RaceCounts, Errno>) {
      (self.race, self.skipped, self.crowd) = (race, skipped, crowd)
    }
  }

  package static let raceSeconds: UInt32 = 10
  package static let crowdCount: UInt32 = 2000

  /// - Parameter isThorough: a crowd tries to get past the tier, which takes its time.
  package static func proof(isThorough: Bool) throws(Errno) -> Proof {
    try proof { (kernel) throws(BPFError) in
      Proof(
        capabilities: kernel.capabilities, syscalls: SyscallSight(kernel), trials: isThorough ? try trials(kernel) : nil
      )
    }
  }

  private static func proof(_ look: (BPFBackend) throws(BPFError) -> Proof) throws(Errno) -> Proof {
    let hierarchy = try CgroupHierarchy.current()
    let folder = try mountBPFFileSystem()
    // This is the namespace that this process is in by now: the number of the one before may be given to another
    // namespace.
    let namespace = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    do {
      let kernel = try BPFBackend(pinFolder: folder, runtimeMountNamespace: namespace, hierarchy: hierarchy)
      // What cannot be taken out ends with the mount namespace.
      defer { try? kernel.removeAll() }
      return try look(kernel)
    } catch {
      return Proof(capabilities: .none(because: "\(error)"))
    }
  }

  private static func trials(_ kernel: BPFBackend) throws(BPFError) -> Trials {
    let race = try kernel.race(seconds: raceSeconds)
    let crowd = try crowd(kernel)
    return Trials(race: race, skipped: try kernel.runs().filter { $0.skipped > 0 }, crowd: crowd)
  }

  private static func crowd(_ kernel: BPFBackend) throws(BPFError) -> Result<RaceCounts, Errno> {
    let root = MemoryRoot.found
    let limit: MemoryLimit
    do { limit = try MemoryLimit(below: root) } catch { return .failure(error) }
    defer { limit.leave() }
    do { try limit.enter() } catch { return .failure(error) }
    return .success(try kernel.crowd(of: crowdCount, memoryProcs: root.procs))
  }

  /// Mounts it in a mount namespace of this process, so that no pin of a running Stockade is seen or touched.
  ///
  /// - Returns: the folder for pins.
  private static func mountBPFFileSystem() throws(Errno) -> String {
    let folder = "/sys/fs/bpf"
    try MountNamespace.enter()
    try call("mount a bpf file system on \(folder)") { mount("stockade", folder, "bpf", 0, "mode=0700") }
    return folder + "/stockade"
  }
}

extension NodeProbe.SyscallSight {
  fileprivate init(_ kernel: BPFBackend) {
    do {
      let programs = try kernel.syscallPrograms()
      self = programs.way == .trampoline ? .trampoline : .tracepoint(because: programs.trampolineProblem ?? "")
    } catch { self = .not(because: "\(error)") }
  }
}
