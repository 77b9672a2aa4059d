import BPF
import CSystem
import Enforcement
import Glibc
import Policy
import Seccomp
import System

/// What this node can enforce, and how to get more: `stockade doctor`.
package struct Diagnosis: Sendable {
  /// Worst last.
  package enum Level: String, Comparable, Sendable {
    case ok
    /// Works, and could be better.
    case limited
    case missing

    package static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
    private var rank: Int { self == .ok ? 0 : self == .limited ? 1 : 2 }
  }

  package struct Finding: Sendable {
    package var subject: String
    package var level: Level
    package var found: String
    /// What to do; nil: nothing.
    package var advice: String?
  }

  package private(set) var findings: [Finding] = []
  package var worst: Level { findings.map(\.level).max() ?? .ok }

  /// Looks at this node, from its own mount namespace. Needs root. Programs are loaded and tried apart from those of a
  /// Stockade that runs, and nothing of it is left.
  package init() {
    addKernel()
    let hierarchy = (try? CgroupHierarchy.current()) ?? CgroupHierarchy(layout: .v1, root: nil)
    addCgroups(hierarchy)
    let node = addTier(hierarchy)
    addOverlay()
    addRuntime()
    addRequired()
    addProfiles(node)
  }

  private mutating func add(_ subject: String, _ level: Level, _ found: String, _ advice: String? = nil) {
    findings.append(Finding(subject: subject, level: level, found: found, advice: advice))
  }

  private mutating func addKernel() {
    var system = utsname()
    uname(&system)
    func text<Field>(_ field: Field) -> String {
      withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    let hasTypes = Files.exists("/sys/kernel/btf/vmlinux")
    add(
      "kernel", hasTypes ? .ok : .missing, "Linux \(text(system.release)) on \(text(system.machine))",
      hasTypes ? nil : "use a kernel with CONFIG_DEBUG_INFO_BTF: without it no BPF program can be loaded")
  }

  private mutating func addCgroups(_ hierarchy: CgroupHierarchy) {
    guard let root = hierarchy.root else {
      return add("cgroups", .missing, CgroupHierarchy.noneText, "mount cgroup v2 at /sys/fs/cgroup")
    }
    let isV1 = hierarchy.layout == .v1
    add(
      "cgroups", isV1 ? .limited : .ok, "\(hierarchy.layout.rawValue), containers are found below \(root)",
      isV1 ? "boot with systemd.unified_cgroup_hierarchy=1: network rules need cgroup v2" : nil)
  }

  private mutating func addTier(_ hierarchy: CgroupHierarchy) -> NodeCapabilities {
    guard geteuid() == 0 else {
      add("tier", .missing, "not tried", "run stockade doctor as root")
      return NodeCapabilities(tier: .none, tierReason: "not tried", networkProblem: "not tried")
    }
    do {
      let kernel = try Self.withPrivateBPFFileSystem { folder in
        // The one that this process is in by now: the number of the one before may be given to another.
        let own = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
        return try BPFKernel(pinFolder: folder, runtimeMountNamespace: own, hierarchy: hierarchy)
      }
      let node = NodeCapabilities(
        tier: kernel.tier, tierReason: kernel.tierReason, networkProblem: kernel.networkProblem)
      try kernel.removeAll()
      addProved(node)
      return node
    } catch {
      add("tier", .missing, "none: \(error)", "see docs/tiers.md; seccomp is all that can be enforced")
      return NodeCapabilities(tier: .none, tierReason: "\(error)", networkProblem: "\(error)")
    }
  }

  private mutating func addProved(_ node: NodeCapabilities) {
    let level = node.tier == .lsm ? Level.ok : .limited
    add(
      "tier", level,
      "\(node.tier.name), proved by a refused exec" + (node.tierReason.isEmpty ? "" : "; \(node.tierReason)"),
      node.tier == .lsm ? nil : "for tier lsm boot with bpf added to lsm= (docs/tiers.md)")
    if let problem = node.networkProblem {
      add("network rules", .missing, problem, "mount cgroup v2 (beside v1 is enough)")
    } else {
      add("network rules", .ok, "can be attached to cgroups")
    }
  }

  /// In a mount namespace of this process, so that no pin of a running Stockade is seen or touched.
  private static func withPrivateBPFFileSystem<Result>(_ body: (_ folder: String) throws -> Result) throws -> Result {
    let folder = "/sys/fs/bpf"
    try call("get a mount namespace") { stockade_unshare_mounts() }
    try call("make mounts private") { mount("none", "/", nil, UInt(MS_REC | MS_PRIVATE), nil) }
    try call("mount a bpf file system on \(folder)") { mount("stockade", folder, "bpf", 0, "mode=0700") }
    return try body(folder + "/stockade")
  }

  private mutating func addOverlay() {
    let known = (try? Files.text("/proc/filesystems"))?.contains("\toverlay\n") ?? false
    add(
      "overlayfs", known ? .ok : .limited, known ? "known to the kernel" : "not loaded",
      known ? nil : "newExecutables needs containers whose root is an overlay; use the overlayfs snapshotter")
  }

  private mutating func addRuntime() {
    let socket = Files.exists(NRISocket.defaultPath)
    add(
      "runtime", socket ? .ok : .missing,
      socket ? "NRI socket at \(NRISocket.defaultPath)" : "no NRI socket at \(NRISocket.defaultPath)",
      socket ? nil : "enable NRI in the runtime's configuration (README.md); containerd 1.7 or newer")
  }

  /// NRI fails open: what the runtime starts before the plugin is there, only the runtime itself can hold back.
  private mutating func addRequired() {
    let file = "/etc/containerd/config.toml"
    guard let text = try? Files.text(file) else {
      return add("required plugin", .limited, "\(file) cannot be read", Self.requiredAdvice)
    }
    let isRequired = text.split(separator: "\n").contains {
      let line = $0.drop { $0 == " " || $0 == "\t" }
      return line.hasPrefix("required_plugins") && line.contains("stockade")
    }
    add(
      "required plugin", isRequired ? .ok : .limited,
      isRequired ? "\(file) requires stockade" : "\(file) does not require stockade",
      isRequired ? nil : Self.requiredAdvice)
  }

  private static let requiredAdvice =
    "list stockade in required_plugins (containerd 2.2 or newer): without it containers start unconfined while it is away"

  private mutating func addProfiles(_ node: NodeCapabilities) {
    let file = Daemon.configurationFile
    do {
      var configuration = NodeConfiguration()
      if Files.exists(file) { configuration = try NodeConfiguration.parse(try Files.read(file), file: file) }
      guard Files.exists(configuration.profilesFolder) else {
        return add(
          "profiles", .limited, "no folder \(configuration.profilesFolder)", "put profiles there (config/profiles)")
      }
      let profiles = ProfileLibrary(
        folder: configuration.profilesFolder, environment: try SeccompEnvironment.thisNode())
      let report = profiles.reload()
      for message in report.messages { add("profiles", .missing, message) }
      for name in profiles.names {
        let profile = try profiles.profile(named: name).profile
        if let refusal = profile.refusal(profile.gaps(on: node)) { add("profiles", .limited, refusal) }
      }
      add("profiles", .ok, "\(profiles.names.count) can be read in \(configuration.profilesFolder)")
    } catch {
      add("configuration", .missing, "\(error)", "until it is mended every container is refused")
    }
  }
}
