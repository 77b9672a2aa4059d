import Compilation
import PolicyTesting
import Testing

@testable import Policy
@testable import Recording
@testable import Seccomp

@Suite struct RecordedProfileTests {
  static let environment = SeccompEnvironment(architecture: .x86_64, kernel: KernelVersion(6, 1))

  /// A web server that reads its configuration, logs, and asks one database.
  static var web: Recording {
    var recording = Recording.of(
      [
        ("/usr/lib/x86_64-linux-gnu/libc.so.6", .read), ("/etc/passwd", .read), ("/proc/17/status", .read),
        ("/var/log/web/access.log", .write), ("/dev/null", .read), ("/dev/null", .write),
      ],
      execs: [.of("/usr/sbin/web", isEntrypoint: true), .of("/usr/bin/gzip")])
    recording.connections[
      .init(direction: .egress, address: [10, 0, 0, 7], port: .init(transport: .tcp, port: 5432))] = 4
    recording.connections[.init(direction: .egress, address: [10, 0, 0, 10], port: .init(transport: .udp, port: 53))] =
      2
    recording.connections[
      .init(direction: .ingress, address: [10, 9, 8, 7], port: .init(transport: .tcp, port: 8080))] = 9
    recording.binds[.init(transport: .tcp, port: 8080)] = 1
    recording.families = [.inet: 5, .unix: 1]
    recording.capabilities = ["CAP_SETUID": 1]
    recording.syscalls = ["SCMP_ARCH_X86_64": ["clone3", "epoll_wait", "socket", "read"]]
    return recording
  }

  static func load(_ text: String) throws -> Profile {
    try ProfileLayer.parse(Array(text.utf8), file: "made.yaml").finished()
  }

  @Test("a profile is small, sorted, and says what it is made of")
  func text() {
    #expect(
      RecordedProfile(of: [Self.web], .init(name: "web")).text == """
        # Made of a recording by stockade, for tier lsm.
        # Capabilities that were used: CAP_SETUID.
        apiVersion: stockade.dev/v1alpha1
        kind: SecurityProfile
        metadata: {name: web}
        spec:
          # The calls that were made, others that do the same, and those without which no program starts. What the runtime needs
          # is added when the profile is loaded.
          seccomp:
            type: Inline
            defaultAction: SCMP_ACT_ERRNO
            architectures: [SCMP_ARCH_X86_64]
            syscalls:
            - names: [access, arch_prctl, brk, clock_getres, clock_gettime, clock_nanosleep, close, epoll_pwait, epoll_pwait2,
                epoll_wait, execve, exit, exit_group, faccessat, faccessat2, fstat, futex, getcpu, getrandom, getrlimit, gettid,
                gettimeofday, lstat, madvise, mmap, mprotect, mremap, munmap, nanosleep, newfstatat, open, openat, pread64,
                preadv, preadv2, prlimit64, pwrite64, pwritev, pwritev2, read, readv, restart_syscall, rseq, rt_sigaction,
                rt_sigpending, rt_sigprocmask, rt_sigreturn, rt_sigtimedwait, sched_yield, set_robust_list, set_tid_address,
                sigaltstack, socket, stat, statx, time, times, write, writev]
              action: SCMP_ACT_ALLOW
            - {names: [clone], action: SCMP_ACT_ALLOW, args: [{index: 0, value: 2114060288, op: SCMP_CMP_MASKED_EQ}]}
            - {names: [clone3], action: SCMP_ACT_ERRNO, errnoRet: 38}
          process:
            defaultAction: Block
            allowEntrypoint: true
            rules:
            - {path: /usr/bin/gzip, action: Allow}
          file:
            defaultAction: Block
            rules:
            # What is written:
            - {path: /dev/null, action: Allow}
            - {directory: /var/log/web, action: Allow}
            # What is only read:
            - {path: /etc/passwd, access: [Read], action: Allow}
            - {directory: /proc, recursive: true, access: [Read], action: Allow}
            - {directory: /usr/lib, recursive: true, access: [Read], action: Allow}
            - {path: /var/log/web, access: [Read], action: Allow}
          network:
            egress:
              defaultAction: Block
              rules:
              - {cidr: 10.0.0.7/32, ports: [{port: 5432}], action: Allow}
              - {cidr: 10.0.0.10/32, ports: [{port: 53}, {protocol: UDP, port: 53}], action: Allow}
            ingress:
              defaultAction: Block
              rules:
              - {ports: [{port: 8080}], action: Allow}
          kernel:
            block: [mount, ptrace, userNamespaces, bpf, ioUring, packetSockets, moduleLoad, keyrings, perfEvents,
              executableMemory]
            sockets: [unix, inet]

        """)
  }

  @Test("a second recording of the same, at another time and with other counts, gives the same bytes")
  func stable() {
    var second = Self.web
    second.beganNanoseconds += 1_000_000_000
    second.seconds = 61
    for key in second.files.keys { second.files[key] = 77 }
    let text = RecordedProfile(of: [Self.web]).text
    #expect(RecordedProfile(of: [second]).text == text)
    let merged = RecordedProfile(of: [Self.web, second, Self.web]).text
    #expect(merged == RecordedProfile(of: [second, Self.web, Self.web]).text)
    #expect(merged == text.replacing("a recording by", with: "recordings by"))
  }

  @Test("with counts, comments say how often and when")
  func counts() {
    var options = RecordedProfile.Options()
    options.showsCounts = true
    let text = RecordedProfile(of: [Self.web], options).text
    #expect(text.contains("# web, from 2026-01-31T09:30:00Z, 60 seconds.\n"))
    #expect(text.contains("- {path: /usr/bin/gzip, action: Allow} # once\n"))
  }

  @Test("a recording that is not whole, and what was not seen, is said at the head, and the parts are left out")
  func incomplete() {
    var recording = Self.web
    recording.losses = ["records": 3]
    for part in [Recording.Part.files, .surfaces, .families, .syscalls, .connections, .execs] {
      recording.unseen[part] = "no hook\nhere"
    }
    let made = RecordedProfile(of: [recording])
    #expect(made.text.contains("# WARNING: the recording is not whole: records."))
    #expect(made.text.contains("# No file section: the recording did not see files (no hook\\x0ahere)."))
    #expect(made.profile == Profile(name: "recorded", file: ""))
  }

  @Test("of mappings and capabilities that were not seen the head tells as well, and the rest is made")
  func unseenParts() {
    var recording = Self.web
    (recording.unseen[.mappings], recording.unseen[.capabilities]) = ("no hook", "no hook")
    let made = RecordedProfile(of: [Self.web, recording])
    #expect(
      made.text.contains("# New files that are only mapped as code may lack rules: the recording did not see mapp"))
    #expect(
      made.text.contains("# The capabilities that were used are not all known: the recording did not see capabil"))
    #expect(made.profile == RecordedProfile(of: [Self.web]).profile)
  }

  @Test(
    "new files and code in no file are allowed with a warning; a program that only started the container needs no rule")
  func programs() {
    let recording = Recording.of(execs: [
      .of("/app/run", isNew: true, isEntrypoint: true), .of("/bin/sh"), .of("/memfd", isFileless: true),
      .of("/data/tmpx8Kq2P", isNew: true),
    ])
    let made = RecordedProfile(of: [recording])
    let process = made.profile.process
    #expect(process?.rules.map(\.path) == ["/app/run", "/bin/sh", "/data/tmpx8Kq2P"])
    #expect(process?.rules.map(\.allowNew) == [true, false, true])
    #expect((process?.fileless, process?.newExecutables, process?.allowEntrypoint) == (.allow, .block, false))
    #expect(made.text.contains("# WARNING: its name looks like one that is another in the next run"))
    #expect(made.text.contains("# WARNING: the workload ran code that lies in no file"))
  }

  @Test("a recording without the start allows the entrypoint all the same")
  func noStart() {
    let made = RecordedProfile(of: [.of(execs: [.of("/bin/sh")])])
    #expect(made.profile.process?.allowEntrypoint == true)
    #expect(made.text.contains("# The start was not recorded."))
  }

  @Test("mapped files need a rule if they are new, at the tiers that judge them")
  func mappings() {
    var recording = Recording.of(execs: [.of("/bin/sh", isEntrypoint: true)])
    recording.mappings = [
      .init(file: .init(path: Array("/usr/lib/libc.so.6".utf8))): 1,
      .init(file: .init(path: Array("/data/libx.so".utf8), isNew: true)): 1,
    ]
    #expect(RecordedProfile(of: [recording]).profile.process?.rules.map(\.path) == ["/data/libx.so"])
    var options = RecordedProfile.Options()
    options.tier = .signal
    #expect(RecordedProfile(of: [recording], options).profile.process?.rules.isEmpty == true)
  }

  @Test(
    "arguments become rules where that is asked",
    arguments: [
      ([["sh", "-c"], ["sh", "-l"]], ["-c", "-l"]), ([["sh"]], nil), ([["sh", "a\nb"]], nil),
      ([["sh", String(repeating: "x", count: 129)]], nil), ((0..<17).map { ["sh", "\($0)"] }, nil),
      ([["sh", ""]], nil),
    ] as [([[String]], [String]?)])
  func arguments(_ seen: [[String]], _ expected: [String]?) throws {
    var options = RecordedProfile.Options()
    options.hasArguments = true
    let made = RecordedProfile(of: [.of(execs: seen.map { .of("/bin/sh", $0) })], options)
    let rule = try #require(made.profile.process?.rules.first)
    #expect(rule.action == (expected == nil ? .allow : .audit))
    #expect(rule.arguments.map(\.text) == expected ?? [])
    #expect(try Self.load(made.text).process?.rules.first?.arguments == rule.arguments)
  }

  @Test("at tier signal there are no file and kernel sections, and what is partial is accepted where it has to be")
  func signal() throws {
    var recording = Self.web
    recording.tier = .signal
    let made = RecordedProfile(of: [recording], .init(name: "web"))
    let profile = made.profile
    #expect(profile.fileAccess == nil)
    #expect(profile.kernelBlock.isEmpty)
    #expect(profile.acceptPartial)
    #expect(profile.assess(node: NodeCapabilities(tier: .signal)).refusal == nil)
    let best = try #require(made.forBestTier)
    #expect(best.profile.name == "web-lsm")
    #expect(!best.profile.acceptPartial)
    #expect(best.profile.kernelBlock.count == KernelSurface.allCases.count)
    #expect(best.forBestTier == nil)
    recording.execs[.of("/usr/bin/gzip")] = nil
    #expect(!RecordedProfile(of: [recording]).profile.acceptPartial)
  }

  @Test("at tier none only the filter is left")
  func none() {
    var options = RecordedProfile.Options()
    options.tier = Tier.none
    let profile = RecordedProfile(of: [Self.web], options).profile
    #expect((profile.process, profile.fileAccess, profile.network) == (nil, nil, NetworkSection()))
    #expect(profile.seccomp != nil)
    #expect(profile.assess(node: .none(because: "x")).refusal == nil)
  }
}
