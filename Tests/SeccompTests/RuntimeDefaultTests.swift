import Policy
import System
import Testing

@testable import Seccomp

@Suite struct RuntimeDefaultTests {
  private static let x86 = try! program(try! runtimeDefault(intel))

  @Test(
    "calls that ordinary programs make are allowed",
    arguments: [
      "read", "write", "openat", "openat2", "execve", "mmap", "futex", "clock_gettime", "accept4", "bind", "connect",
      "sendmsg", "epoll_pwait", "getrandom", "statx", "rseq", "prctl", "wait4", "fork", "arch_prctl", "ptrace",
      "chroot", "seccomp", "landlock_create_ruleset", "io_submit", "memfd_create", "semop", "mq_open", "setuid",
    ])
  func allowed(_ name: String) {
    #expect(Self.x86.decide(name, on: "SCMP_ARCH_X86_64") == .allow)
  }

  @Test(
    "calls that reach past the container are denied with EPERM",
    arguments: [
      "mount", "umount2", "pivot_root", "unshare", "setns", "bpf", "perf_event_open", "keyctl", "add_key",
      "request_key", "kexec_load", "init_module", "finit_module", "delete_module", "reboot", "swapon", "settimeofday",
      "clock_settime", "open_by_handle_at", "io_uring_setup", "io_uring_enter", "userfaultfd", "acct", "quotactl",
      "sethostname", "iopl", "ioperm", "syslog", "vhangup", "kcmp", "process_madvise", "mbind", "fsopen", "open_tree",
      "move_mount", "mount_setattr", "nfsservctl", "lookup_dcookie", "fanotify_init", "move_pages", "migrate_pages",
    ])
  func denied(_ name: String) {
    #expect(Self.x86.decide(name, on: "SCMP_ARCH_X86_64") == .errno(1))
  }

  @Test(
    "a capability of the container opens the calls it is for",
    arguments: [
      ("CAP_SYS_ADMIN", "mount"), ("CAP_SYS_ADMIN", "unshare"), ("CAP_SYS_ADMIN", "clone3"), ("CAP_BPF", "bpf"),
      ("CAP_PERFMON", "perf_event_open"), ("CAP_DAC_READ_SEARCH", "open_by_handle_at"), ("CAP_SYSLOG", "syslog"),
      ("CAP_SYS_BOOT", "reboot"), ("CAP_SYS_MODULE", "finit_module"), ("CAP_SYS_NICE", "mbind"),
      ("CAP_SYS_PACCT", "acct"), ("CAP_SYS_PTRACE", "kcmp"), ("CAP_SYS_RAWIO", "iopl"),
      ("CAP_SYS_TIME", "settimeofday"), ("CAP_SYS_TTY_CONFIG", "vhangup"),
    ])
  func capability(_ capability: String, _ call: String) throws {
    #expect(Self.x86.decide(call, on: "SCMP_ARCH_X86_64")?.denies == true)
    let program = try program(try runtimeDefault(environment([capability])))
    #expect(program.decide(call, on: "SCMP_ARCH_X86_64") == .allow)
  }

  @Test(
    "a new namespace needs CAP_SYS_ADMIN, a thread or a process does not",
    arguments: [
      (0x50f00, false), (0x3d0f00, false), (0x11, false), (0x1000_0011, true), (0x2_0011, true), (0x4000_0011, true),
      (0x200_0011, true), (0x400_0011, true), (0x800_0011, true), (0x2000_0011, true),
    ] as [(UInt64, Bool)])
  func clone(_ flags: UInt64, _ isNamespace: Bool) throws {
    let decision = Self.x86.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [flags])
    #expect(decision == (isNamespace ? .errno(1) : .allow))
    let admin = try program(try runtimeDefault(environment(["CAP_SYS_ADMIN"])))
    #expect(admin.decide("clone", on: "SCMP_ARCH_X86_64", arguments: [flags]) == .allow)
  }

  @Test("clone3, whose flags no filter sees, does not exist without CAP_SYS_ADMIN")
  func clone3() {
    #expect(Self.x86.decide("clone3", on: "SCMP_ARCH_X86_64") == .errno(38))
  }

  @Test("AF_ALG and AF_VSOCK sockets are denied, whatever the upper bits say", arguments: [38, 40] as [UInt64])
  func families(_ family: UInt64) {
    #expect(Self.x86.decide("socket", on: "SCMP_ARCH_X86_64", arguments: [family]) == .errno(1))
    for bit in 32..<64 {
      let disguised = family | 1 << UInt64(bit)
      #expect(Self.x86.decide("socket", on: "SCMP_ARCH_X86_64", arguments: [disguised]) == .errno(1))
    }
    // AUDIT_ARCH_I386 and its own number of socket.
    #expect(Self.x86.decide(architecture: 0x4000_0003, number: 359, arguments: [family]) == .errno(1))
  }

  @Test("sockets of the other families are allowed")
  func otherFamilies() {
    for family in UInt64(0)...45 where family != 38 && family != 40 {
      #expect(Self.x86.decide("socket", on: "SCMP_ARCH_X86_64", arguments: [family, 1]) == .allow)
    }
  }

  /// As `RuntimeDefault` reads when nothing is done for a runtime's time: a rule for each group and each family.
  private static func readable(_ environment: SeccompEnvironment) -> SeccompFilter {
    var readable = RuntimeDefault.filter
    readable.rules.removeAll { $0.rule.names == ["socket"] || $0.rule.names.contains("read") }
    readable.rules += RuntimeDefaultCalls.groups.map { .init(rule: .init(names: $0, action: "SCMP_ACT_ALLOW")) }
    readable.rules += ([39, 41, 42, 43, 44, 45].map { argument(0, "EQ", $0) } + [argument(0, "LT", 38)]).map {
      .init(rule: rule("socket", if: [$0]))
    }
    return readable.resolved(in: environment)
  }

  @Test(
    "what is done for the time of a start changes no answer", arguments: Architecture.allCases,
    [[], Capabilities.names])
  func sameAnswers(_ architecture: Architecture, _ capabilities: [String]) throws {
    let environment = environment(capabilities, architecture: architecture)
    let sent = try program(try runtimeDefault(environment), architecture)
    let readable = try FilterProgram(Self.readable(environment), architecture: architecture, at: here)
    let words = [architecture.ociName] + architecture.compatible
    let families = (0..<70).flatMap { family in [0, 1 << 32, 1 << 63].map { UInt64(family) | $0 } }
    let different = SyscallNames.names(on: words).filter { name in
      let hasConditions = ["socket", "personality", "clone"].contains(name)
      return words.contains { word in
        (hasConditions ? families + [0x20000, 0x20008, 0xffff_ffff, 0x7e02_0000, .max] : [0]).contains { argument in
          sent.decide(name, on: word, arguments: [argument])
            != readable.decide(name, on: word, arguments: [argument])
        }
      }
    }
    #expect(different == [])
    let rules = RuntimeDefault.filter.resolved(in: environment).syscalls
    #expect(rules.count < Self.readable(environment).syscalls.count - 10)
  }

  @Test("no socketcall reaches a family that socket does not")
  func socketcall() {
    for number in UInt64(0)...25 {
      #expect(Self.x86.decide("socketcall", on: "SCMP_ARCH_X86", arguments: [number]) == .errno(38))
    }
  }

  @Test("a personality is one of the harmless ones")
  func personality() {
    for value in [0, 8, 0x20000, 0x20008, 0xffff_ffff] as [UInt64] {
      #expect(Self.x86.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [value]) == .allow)
    }
    // ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC.
    for value in [0x40000, 0x400000] as [UInt64] {
      #expect(Self.x86.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [value]) == .errno(1))
    }
  }

  @Test("ptrace is denied before Linux 4.8, where a tracer could change a call behind the filter")
  func ptrace() throws {
    let old = try program(try runtimeDefault(environment(kernel: KernelVersion(4, 7))))
    #expect(old.decide("ptrace", on: "SCMP_ARCH_X86_64") == .errno(1))
    let new = try program(try runtimeDefault(environment(kernel: KernelVersion(4, 8))))
    #expect(new.decide("ptrace", on: "SCMP_ARCH_X86_64") == .allow)
  }

  @Test("32-bit and x32 programs run under the same rules", arguments: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
  func compatible(_ architecture: String) {
    #expect(Self.x86.decide("read", on: architecture) == .allow)
    #expect(Self.x86.decide("mount", on: architecture) == .errno(1))
    #expect(Self.x86.decide("clone", on: architecture, arguments: [0x1000_0011]) == .errno(1))
  }

  @Test("on aarch64 the same rules hold, for 32-bit ARM too", arguments: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"])
  func arm(_ architecture: String) throws {
    let program = try program(try runtimeDefault(environment(architecture: .aarch64)), .aarch64)
    #expect(program.decide("openat", on: architecture) == .allow)
    #expect(program.decide("unshare", on: architecture) == .errno(1))
    #expect(program.decide("clone3", on: architecture) == .errno(38))
    #expect(program.decide("clone", on: architecture, arguments: [0x1000_0011]) == .errno(1))
    #expect(program.decide("socket", on: architecture, arguments: [40]) == .errno(1))
    #expect(program.decide("read", on: "SCMP_ARCH_X86_64") == .killThread)
  }

  @Test("nothing is added to it for the runtime's init, and no way round is known")
  func notes() throws {
    let notes = try runtimeDefault(intel).notes.map(\.description)
    #expect(notes.count == 1)
    #expect(notes.first?.hasPrefix("SCMP_ACT_ERRNO decides these calls where the runtime's libseccomp") == true)
  }
}
