import Policy
import Testing

@testable import Seccomp

/// An inline filter and the message that refuses it.
struct BrokenFilter: CustomTestStringConvertible, Sendable {
  var filter: SeccompFilter
  var message: String
  var testDescription: String { message }

  init(_ filter: SeccompFilter, _ message: String) {
    self.filter = filter
    self.message = message
  }
}

private let wide: UInt64 = 1 << 33

private let broken: [BrokenFilter] = [
  BrokenFilter(filter(rule("opneat")), #"profiles/web.yaml:9: unknown syscall "opneat"; did you mean "openat"?"#),
  BrokenFilter(filter(rule("OPENAT")), #"profiles/web.yaml:9: unknown syscall "OPENAT"; did you mean "openat"?"#),
  BrokenFilter(
    filter(rule("frobnicate_all")),
    #"profiles/web.yaml:9: unknown syscall "frobnicate_all"; syscalls(2) lists the names"#),
  BrokenFilter(filter(rule("")), #"profiles/web.yaml:9: unknown syscall ""; syscalls(2) lists the names"#),
  BrokenFilter(
    filter(rule(String(repeating: "a", count: 65))),
    "profiles/web.yaml:9: unknown syscall \"\(String(repeating: "a", count: 65))\"; syscalls(2) lists the names"),
  BrokenFilter(
    filter(rule("msael")), #"profiles/web.yaml:9: unknown syscall "msael"; did you mean "mseal"?"#),
  BrokenFilter(filter(rule()), "profiles/web.yaml:9: a rule without syscall names; add names or remove it"),
  BrokenFilter(
    filter(default: "SCMP_ACT_BLOCK", rule("read")),
    #"profiles/web.yaml:7: unknown action "SCMP_ACT_BLOCK"; did you mean "SCMP_ACT_LOG"?"#),
  BrokenFilter(
    filter(default: "", rule("read")),
    #"profiles/web.yaml:7: unknown action ""; known are SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, "#
      + "SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_LOG, SCMP_ACT_ALLOW"),
  BrokenFilter(
    filter(rule("read", action: "SCMP_ACT_ALOW")),
    #"profiles/web.yaml:9: unknown action "SCMP_ACT_ALOW"; did you mean "SCMP_ACT_ALLOW"?"#),
  BrokenFilter(
    filter(rule("read", action: "SCMP_ACT_NOTIFY")),
    "profiles/web.yaml:9: SCMP_ACT_NOTIFY needs a listener that answers each call, and there is none; "
      + "use SCMP_ACT_ERRNO or SCMP_ACT_LOG"),
  BrokenFilter(
    filter(rule("read", action: "SCMP_ACT_ERRNO", errno: 4095)),
    "profiles/web.yaml:9: errno 4095 of SCMP_ACT_ERRNO is out of range: 0 to 4094"),
  BrokenFilter(
    filter(rule("read", action: "SCMP_ACT_TRACE", errno: 65536)),
    "profiles/web.yaml:9: errno 65536 of SCMP_ACT_TRACE is out of range: 0 to 65535"),
  BrokenFilter(
    filter(rule("read", errno: 1)),
    "profiles/web.yaml:9: SCMP_ACT_ALLOW takes no errno (found 1); remove it, or use SCMP_ACT_ERRNO"),
  BrokenFilter(
    filter(architectures: ["X86"], rule("read")),
    #"profiles/web.yaml:7: unknown architecture "X86"; did you mean "SCMP_ARCH_X86"?"#),
  BrokenFilter(
    filter(architectures: ["alpha"], rule("read")),
    #"profiles/web.yaml:7: unknown architecture "alpha"; known are SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, "#
      + "SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, "
      + "SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC, SCMP_ARCH_PPC64, "
      + "SCMP_ARCH_PPC64LE, SCMP_ARCH_S390, SCMP_ARCH_S390X, SCMP_ARCH_RISCV64, SCMP_ARCH_LOONGARCH64"),
  BrokenFilter(
    filter(architectures: ["SCMP_ARCH_X86-64"], rule("read")),
    #"profiles/web.yaml:7: unknown architecture "SCMP_ARCH_X86-64"; did you mean "SCMP_ARCH_X86_64"?"#),
  BrokenFilter(
    filter(architectures: ["SCMP_ARCH_S390X"], rule("read")),
    "profiles/web.yaml:7: libseccomp cannot add architecture SCMP_ARCH_S390X: numerical argument out of domain"),
  BrokenFilter(
    filter(flags: ["SECCOMP_FILTER_FLAG_LGO"], rule("read")),
    #"profiles/web.yaml:7: unknown flag "SECCOMP_FILTER_FLAG_LGO"; did you mean "SECCOMP_FILTER_FLAG_LOG"?"#),
  BrokenFilter(
    filter(flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], rule("read")),
    "profiles/web.yaml:7: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for filters with a listener, and there is none; "
      + "leave it out"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "EQUAL", 1)])),
    #"profiles/web.yaml:9: unknown operator "SCMP_CMP_EQUAL"; did you mean "SCMP_CMP_EQ"?"#),
  BrokenFilter(
    filter(rule("read", if: [argument(6, "EQ", 1)])),
    "profiles/web.yaml:9: argument index 6; a call has arguments 0 to 5"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "GE", 3), argument(0, "LE", 5)])),
    "profiles/web.yaml:9: two conditions on argument 0: runc takes such conditions as alternatives, not together; "
      + "write one rule for each alternative"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "MASKED_EQ", 0x0f, 0x10)])),
    "profiles/web.yaml:9: valueTwo 16 has bits outside the mask 15, so nothing can equal it"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "EQ", 1, 2)])),
    "profiles/web.yaml:9: valueTwo 2 is used only with SCMP_CMP_MASKED_EQ; remove it"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "LT", 0)])),
    "profiles/web.yaml:9: no argument is SCMP_CMP_LT 0; the rule never matches"),
  BrokenFilter(
    filter(rule("read", if: [argument(0, "GT", .max)])),
    "profiles/web.yaml:9: no argument is SCMP_CMP_GT 18446744073709551615; the rule never matches"),
  BrokenFilter(
    filter(architectures: ["SCMP_ARCH_X86"], rule("read", if: [argument(0, "EQ", wide)])),
    "profiles/web.yaml:9: the value 8589934592 needs more than 32 bits, and only its low half is compared for "
      + "SCMP_ARCH_X86; remove that architecture or the rule"),
  BrokenFilter(
    filter(default: "SCMP_ACT_ALLOW"),
    "profiles/web.yaml:7: the filter allows every call here, so it confines nothing; deny something, or remove "
      + "spec.seccomp to keep the filter that the pod has"),
  BrokenFilter(
    filter(default: "SCMP_ACT_ALLOW", rule("read")),
    "profiles/web.yaml:7: the filter allows every call here, so it confines nothing; deny something, or remove "
      + "spec.seccomp to keep the filter that the pod has"),
  BrokenFilter(
    filter(default: "SCMP_ACT_ALLOW", rule("mseal", action: "SCMP_ACT_ERRNO")),
    "profiles/web.yaml:9: \"mseal\" cannot be denied: libseccomp \(SyscallNames.library) does not know it, and the "
      + "default allows it; use a default that denies, or a newer libseccomp"),
  BrokenFilter(
    filter(rule("write", action: "SCMP_ACT_KILL_PROCESS")),
    "profiles/web.yaml:9: the rule denies \"write\", which the runtime's init needs after it has loaded the filter: "
      + "no container would start; remove the call from the rule"),
  BrokenFilter(
    filter(default: "SCMP_ACT_ALLOW", rule("execve", action: "SCMP_ACT_TRACE")),
    "profiles/web.yaml:9: the rule denies \"execve\", which the runtime's init needs after it has loaded the filter: "
      + "no container would start; remove the call from the rule"),
]

@Suite struct BrokenFilterTests {
  @Test("a broken filter is refused with the place, the reason and what to do", arguments: broken)
  func refused(_ broken: BrokenFilter) {
    #expect(message { _ = try resolved(broken.filter) } == broken.message)
  }

  @Test("what is refused in mode Enforce is refused in mode Audit", arguments: broken)
  func refusedInAudit(_ broken: BrokenFilter) {
    #expect(message { _ = try resolved(broken.filter, mode: .audit) } == broken.message)
  }

  @Test("everything that is wrong is told at once, a line each")
  func everything() {
    let filter = filter(
      default: "SCMP_ACT_BLOCK", flags: ["LGO"], rule("raed", "open", "wirte", action: "SCMP_ACT_ALOW"),
      rule("close", if: [argument(6, "EQ", 1), argument(0, "EQUAL", 1)], line: 10))
    #expect(
      message { _ = try resolved(filter) }.split(separator: "\n").map { $0.prefix { $0 != ";" } } == [
        #"profiles/web.yaml:7: unknown action "SCMP_ACT_BLOCK""#, #"profiles/web.yaml:7: unknown flag "LGO""#,
        #"profiles/web.yaml:9: unknown syscall "raed""#, #"profiles/web.yaml:9: unknown syscall "wirte""#,
        #"profiles/web.yaml:9: unknown action "SCMP_ACT_ALOW""#, "profiles/web.yaml:10: argument index 6",
        #"profiles/web.yaml:10: unknown operator "SCMP_CMP_EQUAL""#,
      ])
  }

  @Test("so many errors of a filter are told, and no more")
  func errorsMax() {
    var filter = filter(rule("read"))
    filter.syscalls[0].names = (0..<Faults.errorsMax + 1).map { "no_call_\($0)" }
    #expect(message { _ = try resolved(filter) }.split(separator: "\n").count == Faults.errorsMax)
    filter.syscalls[0].names = (0..<Faults.errorsMax).map { "no_call_\($0)" }
    #expect(message { _ = try resolved(filter) }.split(separator: "\n").count == Faults.errorsMax)
  }

  @Test("each word of an inline filter is told on its own line")
  func lines() throws {
    let text = """
      apiVersion: stockade.dev/v1alpha1
      kind: SecurityProfile
      metadata: {name: p}
      spec:
        seccomp:
          type: Inline
          defaultAction: SCMP_ACT_ERNO
          architectures:
          - SCMP_ARCH_X68
          syscalls:
          - names:
            - raed
            action: SCMP_ACT_ALOW
            args:
            - {index: 0, value: 1, op: SCMP_CMP_LIKE}
      """
    let folder = try Folder()
    try folder.write(text, to: "p.yaml")
    let profile = try Profile.load(file: folder.path + "/p.yaml")
    let section = try #require(profile.seccomp)
    let found = problems(of: section, profilesFolder: folder.path, mode: .enforce, environment: intel)
    #expect(found.map(\.location.line) == [7, 9, 12, 13, 15])
  }

  @Test("a call without which no program starts is warned of")
  func programStart() throws {
    let denied = try resolved(filter(rule("read")))
    let warning = try #require(denied.notes.first { $0.isWarning })
    #expect(warning.description.hasPrefix("profiles/web.yaml:7: \"arch_prctl\" is denied"))
    #expect(!(try resolved(filter(rule("read", "arch_prctl"))).notes.contains(where: \.isWarning)))
    #expect(!(try resolved(filter(rule("read")), mode: .audit).notes.contains(where: \.isWarning)))
    let ruled = try resolved(filter(default: "SCMP_ACT_ALLOW", rule("arch_prctl", action: "SCMP_ACT_ERRNO", line: 11)))
    #expect(ruled.notes.first(where: \.isWarning)?.location?.line == 11)
  }

  @Test("of two rules with different actions that both match, the stricter must win or the filter is refused")
  func contradictions() {
    let five = [argument(0, "EQ", 5)]
    let weakened = filter(rule("dup", line: 10), rule("dup", action: "SCMP_ACT_KILL_PROCESS", if: five, line: 11))
    #expect(
      message { _ = try resolved(weakened) }
        == "profiles/web.yaml:11: SCMP_ACT_KILL_PROCESS for \"dup\" has no effect, since the rule at line 10 says "
        + "SCMP_ACT_ALLOW for the same call; make their conditions exclude each other, or remove one")
    let likeDefault = filter(rule("dup", line: 10), rule("dup", action: "SCMP_ACT_ERRNO", if: five, line: 11))
    #expect(message { _ = try resolved(likeDefault) }.contains("web.yaml:11: SCMP_ACT_ERRNO for \"dup\" has no effect"))
    let overlapping = filter(
      rule("dup3", action: "SCMP_ACT_TRAP", if: [argument(0, "EQ", 5)], line: 10),
      rule("dup3", if: [argument(1, "EQ", 5)], line: 11))
    #expect(message { _ = try resolved(overlapping) }.contains("web.yaml:10: SCMP_ACT_TRAP for \"dup3\" has no effect"))
    let twice = filter(rule("dup", if: five, line: 10), rule("dup", action: "SCMP_ACT_LOG", if: five, line: 11))
    #expect(
      message { _ = try resolved(twice) }
        == "profiles/web.yaml:11: another rule with the same conditions has another action for \"dup\"; remove one")
    let apart = filter(rule("dup", if: five), rule("dup", action: "SCMP_ACT_TRAP", if: [argument(0, "EQ", 6)]))
    #expect(throws: Never.self) { try resolved(apart) }
  }

  @Test("a call may have so many rules and a filter so many names, and no more")
  func limits() {
    var many = filter()
    many.syscalls = (0..<128).map { rule("dup", if: [argument(0, "EQ", $0)]) }
    #expect(throws: Never.self) { try resolved(many) }
    many.syscalls.append(rule("dup", if: [argument(0, "EQ", 128)]))
    #expect(message { _ = try resolved(many) } == "profiles/web.yaml:9: more than 128 rules about \"dup\"; unite them")

    var conditions = filter()
    conditions.syscalls = ["dup", "dup2", "dup3", "pipe2"].flatMap { name in
      (0..<128).map { rule(name, if: [argument(0, "EQ", $0)]) }
    }
    #expect(throws: Never.self) { try FilterCheck.checkWhole(conditions, at: here) }
    conditions.syscalls.append(rule("listen", if: [argument(0, "EQ", 1)]))
    #expect(
      message { try FilterCheck.checkWhole(conditions, at: here) }
        == "profiles/web.yaml:9: more than 512 conditions in all rules, counted for each syscall name; use fewer")

    var names = filter()
    let some = RuntimeDefaultCalls.groups.joined().filter { SyscallNames.number(of: $0) != nil }.prefix(64)
    names.syscalls = (0..<64).map { _ in SeccompFilter.Rule(names: Array(some), action: "SCMP_ACT_ALLOW") }
    #expect(throws: Never.self) { try FilterCheck.checkWhole(names, at: here) }
    names.syscalls.append(rule("read"))
    #expect(
      message { try FilterCheck.checkWhole(names, at: here) }
        == "profiles/web.yaml:9: more than 4096 syscall names in all rules; unite rules")
  }

  @Test("a filter that the kernel would refuse for its length is refused")
  func length() {
    // As many conditions as there may be, on an ABI of 64 and one of 32 bits.
    var long = filter(architectures: ["SCMP_ARCH_X86"])
    long.syscalls = (0..<85).map { number in
      rule("dup", if: (0..<6).map { argument($0, "MASKED_EQ", 0xfffe, UInt64(number) * 2 + 1000 * UInt64($0)) })
    }
    let text = message { _ = try resolved(long) }
    #expect(text.hasPrefix("profiles/web.yaml:7: the filter has "))
    #expect(text.hasSuffix("the kernel takes 4064; use fewer rules with conditions, or fewer architectures"))
  }

  @Test("a filter that libseccomp builds without end is refused after a bounded time, and the next is built")
  func endless() {
    var endless = filter()
    endless.syscalls = (0..<20).map { number in
      rule("dup", if: (0..<4).map { argument($0, "GT", UInt64(number) * 2 + 1000 * UInt64($0)) }, line: 20 + number)
    }
    let clock = ContinuousClock()
    var text = ""
    let time = clock.measure { text = message { _ = try resolved(endless) } }
    #expect(
      text
        == "profiles/web.yaml:7: libseccomp cannot build the filter: it did not end within 2 s of CPU time, nor would "
        + "the runtime's at a container's start; use fewer rules with several conditions for one call")
    // CPU time is not the clock's: this machine may be busy with the other tests.
    #expect(time < .seconds(60))
    #expect(throws: Never.self) { try resolved(filter(rule("read"))) }
  }

  @Test("a program may have what the kernel takes less what runc adds, and not one instruction more")
  func lengthLimit() {
    #expect(throws: Never.self) { try FilterProgram.check(length: 4064, at: here) }
    #expect(throws: SeccompError.tooLong(here, instructions: 4065)) { try FilterProgram.check(length: 4065, at: here) }
  }
}
