import Policy
import Testing

@testable import Seccomp

private let architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]

private func withDefault(_ errno: UInt32, _ rules: SeccompFilter.Rule...) -> SeccompFilter {
  var filter = filter(architectures: architectures)
  filter.defaultErrno = errno
  filter.syscalls = rules
  return filter
}

@Suite("a default errno other than EPERM") struct WrittenDefaultTests {
  @Test("reaches each call that the default decides, and nothing of it is sent as the default")
  func everyCall() throws {
    let resolved = try resolved(withDefault(38, rule("mseal", "dup"), rule("mount", action: "SCMP_ACT_ERRNO")))
    #expect(try adapt(resolved, to: .full).filter.defaultErrno == nil)
    let program = try program(resolved)
    for word in architectures {
      #expect(program.decide("umount2", on: word) == .errno(38))
      #expect(program.decide("mount", on: word) == .errno(1))
      #expect(program.decide("dup", on: word) == .allow)
    }
    #expect(resolved.notes.contains { $0.text.hasPrefix("no runtime passes on the default errno 38") })
    #expect(!resolved.notes.contains { $0.text.hasPrefix("where no rule matches") })
  }

  @Test("reaches a call whose conditions do not match")
  func conditions() throws {
    let program = try program(
      try resolved(
        withDefault(
          13, rule("keyctl", if: [argument(0, "EQ", 5)]), rule("keyctl", if: [argument(0, "EQ", 7)]),
          rule("personality", action: "SCMP_ACT_TRAP", if: [argument(0, "MASKED_EQ", 4, 4)]))))
    for word in architectures {
      func decide(_ value: UInt64) -> FilterAction? { program.decide("keyctl", on: word, arguments: [value]) }
      #expect([4, 5, 6, 7, 8].map(decide) == [.errno(13), .allow, .errno(13), .allow, .errno(13)])
      #expect(program.decide("personality", on: word, arguments: [6]) == .trap)
      #expect(program.decide("personality", on: word, arguments: [8]) == .errno(13))
    }
  }

  @Test("is told where EPERM by a condition keeps it from the others")
  func permission() throws {
    let resolved = try resolved(
      withDefault(
        38, rule("keyctl", if: [argument(0, "EQ", 5)]),
        rule("keyctl", action: "SCMP_ACT_ERRNO", if: [argument(0, "EQ", 6)])))
    let program = try program(resolved)
    #expect(program.decide("keyctl", on: "SCMP_ARCH_X86_64", arguments: [6]) == .errno(1))
    #expect(program.decide("keyctl", on: "SCMP_ARCH_X86_64", arguments: [7]) == .errno(1))
    #expect(
      resolved.notes.filter(\.isWarning).contains {
        $0.text
          == "where no rule matches the arguments, these calls answer 1 (EPERM) in place of the default errno 38: keyctl"
      })
  }

  @Test("does not open what an unconditional EPERM closes")
  func unconditional() throws {
    let closed = withDefault(
      38, rule("keyctl", if: [argument(0, "EQ", 5)]), rule("keyctl", action: "SCMP_ACT_ERRNO", errno: 1))
    let written = try #require(try WrittenDefault(closed, architecture: .x86_64, at: here)).written()
    let program = try FilterProgram(written.filter, architecture: .x86_64, at: here)
    #expect(program.decide("keyctl", on: "SCMP_ARCH_X86_64", arguments: [5]) == .errno(1))
  }

  @Test("is logged like every other in mode Audit")
  func audit() throws {
    let program = try program(try resolved(withDefault(38, rule("read")), mode: .audit))
    #expect(program.decide("mount", on: "SCMP_ARCH_X86_64") == .log)
  }

  @Test("needs a runtime that carries errnos")
  func withoutErrno() throws {
    let resolved = try resolved(withDefault(38, rule("read")))
    #expect(
      message { _ = try adapt(resolved, to: .withoutErrno) }
        == "profiles/web.yaml:7: a default errno of 38 needs NRI 0.12 (containerd 2.3); with this runtime only 1 (EPERM) "
        + "is possible: use another filter, or remove spec.seccomp to keep the filter that the pod has")
  }

  @Test(
    "errnos have the kernel's numbers",
    arguments: [
      ("EPERM", 1), ("EAGAIN", 11), ("EWOULDBLOCK", 11), ("ENOSYS", 38), ("ENOMSG", 42), ("EBFONT", 59),
      ("ENOTSUP", 95), ("EHWPOISON", 133),
    ] as [(String, UInt32)])
  func names(_ name: String, _ number: UInt32) { #expect(ErrnoNames.number(of: name) == number) }
}
