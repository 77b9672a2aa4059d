import Glibc
import Policy

/// Our copy of the usual default of container runtimes: an allow-list in which some calls need a capability.
///
/// There are two differences from Docker's and containerd's default, each because theirs can be walked round:
/// - `socket` compares the families above AF_NFC one by one. "greater than 40" is also true of AF_VSOCK with one of the
///   upper 32 bits set, and the kernel cuts that bit off afterwards.
/// - `socketcall` answers ENOSYS. libseccomp opens it for every family as soon as `socket` is allowed for one family.
enum RuntimeDefault {
  static let filter: ConditionalFilter = {
    var filter = ConditionalFilter(defaultAction: "SCMP_ACT_ERRNO")
    filter.architectureMap = Architecture.allCases.map { .init(architecture: $0.ociName, compatible: $0.compatible) }
    filter.rules =
      [answer(["socketcall"], ENOSYS), allow(inOrder(RuntimeDefaultCalls.groups.flatMap { $0 }))] + forArchitecture
      + sockets + personalities + clone + forCapability
    return filter
  }()

  /// The runtime's libseccomp keeps the calls in a list by number, and looks for each call's place from the lowest on.
  /// So the highest number is found fastest.
  private static func inOrder(_ names: [String]) -> [String] {
    names.map { (name: $0, number: SyscallNames.number(of: $0) ?? 0) }.sorted { $0.number > $1.number }.map(\.name)
  }

  private static let forArchitecture = [
    allow(["arch_prctl", "modify_ldt"], when: .init(architectures: ["amd64"])),
    allow(
      [
        "arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2", "breakpoint", "cacheflush", "set_tls",
      ], when: .init(architectures: ["arm64"])),
    // Before 4.8 a tracer could change a call after the filter had passed it.
    allow(
      ["process_vm_readv", "process_vm_writev", "ptrace"], when: .init(minimumKernel: KernelVersion(4, 8))),
  ]

  /// Every family but AF_ALG (38), whose kernel code has no other gate, and AF_VSOCK (40), which has no namespace.
  private static let sockets: [ConditionalFilter.Rule] =
    [allow(["socket"], if: [condition(0, "SCMP_CMP_LT", 38)])]
    + [39, 44].map { allow(["socket"], if: [condition(0, "SCMP_CMP_EQ", $0)]) }
    // 33, 37, 41 and 45; 42 and 43. Each rule costs at every start, and two of these are below 38 anyway.
    + [(~12, 33), (~1, 42)].map { mask, value in
      allow(["socket"], if: [.init(index: 0, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ")])
    }

  /// PER_LINUX and PER_LINUX32, each also with UNAME26, and the question what is set.
  private static let personalities: [ConditionalFilter.Rule] =
    [0, 0x8, 0x20000, 0x20008, 0xffff_ffff].map {
      allow(["personality"], if: [condition(0, "SCMP_CMP_EQ", $0)])
    }

  /// Without CAP_SYS_ADMIN there is no new namespace: none of the CLONE_NEW bits. The flags of clone3 are in memory,
  /// which no filter reads. ENOSYS makes libraries fall back to clone.
  private static let clone: [ConditionalFilter.Rule] = [
    ConditionalFilter.Rule(
      rule: rule(["clone"], "SCMP_ACT_ALLOW", [condition(0, "SCMP_CMP_MASKED_EQ", CloneFlags.newNamespaces)]),
      excludes: .init(capabilities: ["CAP_SYS_ADMIN"])),
    answer(["clone3"], ENOSYS, unless: "CAP_SYS_ADMIN"),
  ]

  private static let forCapability: [ConditionalFilter.Rule] = callsOfCapability.map { capability, calls in
    allow(RuntimeDefaultCalls.words(calls), when: .init(capabilities: [capability]))
  }

  private static let callsOfCapability: KeyValuePairs = [
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYSLOG": "syslog",
    "CAP_SYS_ADMIN": """
    bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
    lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
    sethostname setns syslog umount umount2 unshare
    """,
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
  ]
}

extension RuntimeDefault {
  private static func allow(
    _ names: [String], if arguments: [SeccompFilter.Argument] = [],
    when includes: ConditionalFilter.Conditions = .init()
  ) -> ConditionalFilter.Rule {
    .init(rule: rule(names, "SCMP_ACT_ALLOW", arguments), includes: includes)
  }

  private static func answer(
    _ names: [String], _ errno: Int32, unless capability: String? = nil
  ) -> ConditionalFilter.Rule {
    var rule = rule(names, "SCMP_ACT_ERRNO", [])
    rule.errnoReturn = UInt32(errno)
    return .init(rule: rule, excludes: .init(capabilities: capability.map { [$0] } ?? []))
  }

  private static func rule(
    _ names: [String], _ action: String, _ arguments: [SeccompFilter.Argument]
  ) -> SeccompFilter.Rule {
    var rule = SeccompFilter.Rule(names: names, action: action)
    rule.arguments = arguments
    return rule
  }

  private static func condition(_ index: UInt32, _ op: String, _ value: UInt64) -> SeccompFilter.Argument {
    .init(index: index, value: value, valueTwo: 0, op: op)
  }
}

/// Bits of clone's first argument.
enum CloneFlags {
  /// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET.
  static let newNamespaces: UInt64 = 0x7e02_0000
  /// CLONE_THREAD.
  static let thread: UInt64 = 0x1_0000
  /// The flags of Go's runtime: CLONE_VM, FS, FILES, SIGHAND, THREAD and SYSVSEM.
  static let goThread: UInt64 = 0x50f00
  /// The flags of glibc's pthread_create: the same, and SETTLS, PARENT_SETTID and CHILD_CLEARTID.
  static let glibcThread: UInt64 = 0x3d0f00
}
