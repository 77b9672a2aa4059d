import BPF
import Daemon
import Enforcement
import Glibc
import Policy
import System

/// What the kernel offers, and what was proved to be enforced.
struct KernelExamination {
  private(set) var findings: [Finding] = []
  /// nil: nothing could be tried.
  private(set) var capabilities: NodeCapabilities?

  init(isRoot: Bool, isThorough: Bool) {
    let hierarchy = (try? CgroupHierarchy.current()) ?? CgroupHierarchy(layout: .v1, root: nil)
    findings = [Self.kernel(), Self.cgroups(hierarchy)]
    if isRoot {
      proveTier(hierarchy, isThorough)
    } else {
      for subject in [Finding.Subject.tier, .memory, .networkRules, .seccompEvents] {
        findings.append(Finding(subject, .unknown, "not tried", "run stockade doctor as root"))
      }
    }
  }

  private static func kernel() -> Finding {
    var system = utsname()
    uname(&system)
    func text<Field>(_ field: Field) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    let found = "Linux \(text(system.release)) on \(text(system.machine))"
    guard Files.exists("/sys/kernel/btf/vmlinux") else {
      return Finding(
        .kernel, .missing, "\(found), without BTF (/sys/kernel/btf/vmlinux)",
        "use a kernel with CONFIG_DEBUG_INFO_BTF: without it no BPF program can be loaded")
    }
    return Finding(.kernel, .ok, found)
  }

  private static func cgroups(_ hierarchy: CgroupHierarchy) -> Finding {
    guard let root = hierarchy.root else {
      return Finding(.cgroups, .missing, CgroupHierarchy.noneText, "mount cgroup v2 at /sys/fs/cgroup")
    }
    let found = "\(hierarchy.layout.rawValue), containers are found below \(root)"
    guard hierarchy.layout == .v1 else { return Finding(.cgroups, .ok, found) }
    return Finding(.cgroups, .limited, found, "for network rules: \(cgroupV2Advice)")
  }

  private static func memory(_ problem: String?) -> Finding {
    guard let problem else { return Finding(.memory, .ok, "what binds containers' tasks is charged to no limit") }
    return Finding(
      .memory, .limited, "\(MemoryRoot.consequence): \(problem)", "give Stockade's cgroup no memory limit")
  }

  static func finding(of sight: NodeProbe.SyscallSight) -> Finding {
    switch sight {
    case .trampoline: Finding(.seccompEvents, .ok, "what filters deny is seen where the kernel asks them")
    case .tracepoint(let reason):
      Finding(
        .seccompEvents, .limited,
        "what filters deny is seen at the end of each system call, which makes all processes slower: \(reason)",
        "if that costs too much, set seccompEvents: trampoline in the configuration, and nothing is told")
    case .not(let reason): Finding(.seccompEvents, .limited, "what filters deny cannot be seen: \(reason)")
    }
  }

  private static var cgroupV2Advice: String {
    let knows = (try? Files.text("/proc/filesystems"))?.contains("\tcgroup2\n") ?? true
    return knows
      ? "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup v2 beside v1"
      : "use a kernel with cgroup v2"
  }

  private mutating func proveTier(_ hierarchy: CgroupHierarchy, _ isThorough: Bool) {
    do {
      let proof = try NodeProbe.proof(isThorough: isThorough)
      add(proof.capabilities, hierarchy)
      if proof.capabilities.tier != .none { findings.append(Self.finding(of: proof.syscalls)) }
      findings += proof.trials.map { Self.findings(of: $0, tier: proof.capabilities.tier) } ?? []
    } catch {
      add(.none(because: "\(error)"), hierarchy)
    }
  }

  static func findings(of trials: NodeProbe.Trials, tier: Tier) -> [Finding] {
    let skipped = trials.skipped.map { "\($0.program) \($0.skipped) times" }.joined(separator: ", ")
    let race = finding(
      .race, trials.race, tier, "in \(NodeProbe.raceSeconds) s",
      skipped.isEmpty ? "no program was skipped" : "the kernel skipped \(skipped)", isFailed: !skipped.isEmpty)
    switch trials.crowd {
    case .success(let crowd):
      return [
        race,
        finding(
          .fullMemory, crowd, tier, "of \(NodeProbe.crowdCount) processes at once, with no memory left for Stockade",
          "\(crowd.forksRefused) forks were refused", isFailed: crowd.forksRefused > 0),
      ]
    case .failure(let error): return [race, Finding(.fullMemory, .limited, "not tried: \(error)")]
    }
  }

  private static func finding(
    _ subject: Finding.Subject, _ counts: RaceCounts, _ tier: Tier, _ how: String, _ more: String, isFailed: Bool
  ) -> Finding {
    if counts.executions == 0 { return Finding(subject, .unknown, "nothing could be executed \(how); \(more)") }
    // Tier signal lets files be opened.
    let isRefusing = tier >= .fmodRet
    let opens = isRefusing ? " and \(counts.opened) of \(counts.opens) opens" : ""
    let found = "\(counts.executed) of \(counts.executions) execs\(opens) came through \(how); \(more)"
    let holds = counts.executed == 0 && !isFailed && (!isRefusing || counts.opened == 0)
    return holds
      ? Finding(subject, .ok, found)
      : Finding(subject, .missing, found, "this kernel does not hold the tier that was proved (docs/tiers.md)")
  }

  private mutating func add(_ node: NodeCapabilities, _ hierarchy: CgroupHierarchy) {
    capabilities = node
    guard node.tier != .none else {
      return findings.append(
        Finding(.tier, .missing, "none: \(node.tierReason)", "see docs/tiers.md; only seccomp can be enforced"))
    }
    let found = "\(node.tier.name), proved by a refused exec" + (node.tierReason.isEmpty ? "" : "; \(node.tierReason)")
    findings.append(
      node.tier == .lsm
        ? Finding(.tier, .ok, found) : Finding(.tier, .limited, found, TierAdvice.thisNode(tier: node.tier).text))
    findings.append(Self.memory(node.memoryProblem))
    guard let problem = node.networkProblem else {
      return findings.append(Finding(.networkRules, .ok, "can be attached to cgroups"))
    }
    findings.append(
      Finding(.networkRules, .missing, problem, hierarchy.layout == .v1 ? Self.cgroupV2Advice : nil))
  }
}
