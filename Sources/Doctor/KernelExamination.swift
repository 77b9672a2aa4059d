import CSystem
import Enforcement
import Glibc
import Policy
import System

/// What the kernel offers, and what was proved to be enforced.
struct KernelExamination {
  private(set) var findings: [Finding] = []
  /// nil: nothing could be tried.
  private(set) var capabilities: NodeCapabilities?

  init(isRoot: Bool) {
    let hierarchy = (try? CgroupHierarchy.current()) ?? CgroupHierarchy(layout: .v1, root: nil)
    findings = [Self.kernel(), Self.cgroups(hierarchy)]
    if isRoot {
      proveTier(hierarchy)
    } else {
      for subject in [Finding.Subject.tier, .networkRules] {
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

  private static var cgroupV2Advice: String {
    let knows = (try? Files.text("/proc/filesystems"))?.contains("\tcgroup2\n") ?? true
    return knows
      ? "boot with systemd.unified_cgroup_hierarchy=1, or mount cgroup v2 beside v1"
      : "use a kernel with cgroup v2"
  }

  private mutating func proveTier(_ hierarchy: CgroupHierarchy) {
    do {
      let kernel = try Self.withPrivateBPFFileSystem { folder in
        // The one that this process is in by now: the number of the one before may be given to another.
        let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
        return try BPFKernel(pinFolder: folder, runtimeMountNamespace: own, hierarchy: hierarchy)
      }
      let node = NodeCapabilities(
        tier: kernel.tier, tierReason: kernel.tierReason, networkProblem: kernel.networkProblem)
      try kernel.removeAll()
      addProved(node, hierarchy)
    } catch {
      capabilities = NodeCapabilities(tier: .none, tierReason: "\(error)", networkProblem: "\(error)")
      findings.append(Finding(.tier, .missing, "none: \(error)", "see docs/tiers.md; only seccomp can be enforced"))
    }
  }

  private mutating func addProved(_ node: NodeCapabilities, _ hierarchy: CgroupHierarchy) {
    capabilities = node
    let found = "\(node.tier.name), proved by a refused exec" + (node.tierReason.isEmpty ? "" : "; \(node.tierReason)")
    findings.append(
      node.tier == .lsm
        ? Finding(.tier, .ok, found) : Finding(.tier, .limited, found, TierAdvice.thisNode(tier: node.tier).text))
    guard let problem = node.networkProblem else {
      return findings.append(Finding(.networkRules, .ok, "can be attached to cgroups"))
    }
    findings.append(
      Finding(.networkRules, .missing, problem, hierarchy.layout == .v1 ? Self.cgroupV2Advice : nil))
  }

  /// In a mount namespace of this process, so that no pin of a running Stockade is seen or touched.
  private static func withPrivateBPFFileSystem<Result>(_ body: (_ folder: String) throws -> Result) throws -> Result {
    let folder = "/sys/fs/bpf"
    try call("get a mount namespace") { stockade_unshare_mounts() }
    try call("make mounts private") { mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
    try call("mount a bpf file system on \(folder)") { mount("stockade", folder, "bpf", 0, "mode=0700") }
    return try body(folder + "/stockade")
  }
}
