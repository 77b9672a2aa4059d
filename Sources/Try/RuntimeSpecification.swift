import NRI
import System

/// The `config.json` of one container, as containerd's CRI would write it: a pure function of its inputs.
///
/// Reference: the OCI runtime specification 1.0.2, which is what runc 1.1 reads.
package struct RuntimeSpecification: Sendable {
  package var options: Options
  /// The mounted root file system.
  package var rootfs: String
  package var cgroupsPath: String
  /// The policy of the plugin's adjustment; nil: the container stays unconfined by seccomp, as in Kubernetes.
  package var seccomp: LinuxSeccomp?
  /// Whether the host has nothing but cgroup v2. There, containers get their own cgroup namespace.
  package var hasOnlyCgroupV2: Bool
  /// Capabilities that this process may pass on. runc fails on any other.
  package var availableCapabilities: [String]

  package init(
    options: Options, rootfs: String, cgroupsPath: String, seccomp: LinuxSeccomp?, hasOnlyCgroupV2: Bool,
    availableCapabilities: [String]
  ) {
    self.options = options
    self.rootfs = rootfs
    self.cgroupsPath = cgroupsPath
    self.seccomp = seccomp
    self.hasOnlyCgroupV2 = hasOnlyCgroupV2
    self.availableCapabilities = availableCapabilities
  }

  package var json: JSON {
    var members: [(String, JSON)] = [
      ("ociVersion", "1.0.2"), ("process", process), ("root", ["path": .string(rootfs), "readonly": false]),
      ("hostname", .string(options.containerName)), ("mounts", .array(mounts)), ("linux", .object(linux)),
    ]
    if !options.hooks.isEmpty { members.append(("hooks", .object(hooks))) }
    return .object(members)
  }

  private var hooks: [(String, JSON)] {
    Hook.Stage.allCases.compactMap { stage in
      let entries = options.hooks.filter { $0.stage == stage }
      if entries.isEmpty { return nil }
      return (
        stage.rawValue,
        .array(entries.map { ["path": .string($0.command[0]), "args": strings($0.command)] })
      )
    }
  }

  /// Types of the namespaces that the container gets for itself.
  package var namespaces: [String] {
    var types = ["ipc", "uts", "mount"]
    if !options.hostPID { types.insert("pid", at: 0) }
    if !options.hostNetwork { types.append("network") }
    if hasOnlyCgroupV2, !options.privileged { types.append("cgroup") }
    if options.userNamespace { types.append("user") }
    return types
  }

  package var environment: [String] {
    ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=\(options.containerName)"]
      + options.environment
  }

  private var process: JSON {
    let capabilities = strings(self.capabilities)
    return [
      "terminal": false,
      "user": ["uid": .unsigned(UInt64(options.userID)), "gid": .unsigned(UInt64(options.groupID))],
      "args": strings(options.command),
      "env": strings(environment),
      "cwd": .string(options.workingDirectory),
      "capabilities": ["bounding": capabilities, "effective": capabilities, "permitted": capabilities],
      "noNewPrivileges": .bool(options.noNewPrivileges),
    ]
  }

  private var capabilities: [String] {
    if options.privileged { return availableCapabilities }
    return Capabilities.containerDefault.filter(availableCapabilities.contains)
  }

  private var mounts: [JSON] {
    let access = options.privileged ? "rw" : "ro"
    return [
      mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
      mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      mount(
        "/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
      mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
      mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", access]),
      mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", access]),
    ]
      + options.mounts.map {
        mount($0.destination, "bind", $0.source, ["rbind", "rprivate", $0.readOnly ? "ro" : "rw"])
      }
  }

  private func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> JSON {
    [
      "destination": .string(destination), "type": .string(type), "source": .string(source),
      "options": strings(options),
    ]
  }

  private var linux: [(String, JSON)] {
    var members: [(String, JSON)] = [
      ("cgroupsPath", .string(cgroupsPath)),
      ("namespaces", .array(namespaces.map { ["type": .string($0)] })),
      ("resources", ["devices": [["allow": .bool(options.privileged), "access": "rwm"]]]),
    ]
    if options.userNamespace {
      let users: JSON = [
        ["containerID": 0, "hostID": .unsigned(UInt64(Self.firstUser)), "size": .unsigned(UInt64(Self.userCount))]
      ]
      members += [("uidMappings", users), ("gidMappings", users)]
    }
    if !options.privileged {
      members.append(("maskedPaths", strings(Self.maskedPaths)))
      members.append(("readonlyPaths", strings(Self.readonlyPaths)))
    }
    if let seccomp { members.append(("seccomp", Self.seccomp(seccomp))) }
    return members
  }

  /// Where the users of `--user-namespace` begin on this machine, and how many there are.
  static let firstUser: UInt32 = 1_000_000
  static let userCount: UInt32 = 65536

  static let maskedPaths = [
    "/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
    "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/sys/devices/virtual/powercap", "/proc/scsi",
  ]
  static let readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
}

private func strings(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }

extension RuntimeSpecification {
  /// `linux.seccomp`. The default errno is left out, because runtimes drop it from the adjustment.
  static func seccomp(_ policy: LinuxSeccomp) -> JSON {
    var members: [(String, JSON)] = [("defaultAction", .string(policy.defaultAction))]
    if !policy.architectures.isEmpty { members.append(("architectures", strings(policy.architectures))) }
    if !policy.flags.isEmpty { members.append(("flags", strings(policy.flags))) }
    if !policy.listenerPath.isEmpty { members.append(("listenerPath", .string(policy.listenerPath))) }
    if !policy.listenerMetadata.isEmpty { members.append(("listenerMetadata", .string(policy.listenerMetadata))) }
    if !policy.syscalls.isEmpty { members.append(("syscalls", .array(policy.syscalls.map(syscall)))) }
    return .object(members)
  }

  private static func syscall(_ rule: LinuxSyscall) -> JSON {
    var members: [(String, JSON)] = [("names", strings(rule.names)), ("action", .string(rule.action))]
    if let errno = rule.errnoReturn { members.append(("errnoRet", .unsigned(UInt64(errno)))) }
    if !rule.arguments.isEmpty { members.append(("args", .array(rule.arguments.map(argument)))) }
    return .object(members)
  }

  private static func argument(_ argument: LinuxSeccompArgument) -> JSON {
    [
      "index": .unsigned(UInt64(argument.index)), "value": .unsigned(argument.value),
      "valueTwo": .unsigned(argument.valueTwo), "op": .string(argument.op),
    ]
  }
}
