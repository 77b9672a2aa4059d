import Policy
import Testing

@testable import Seccomp

private let deny = "SCMP_ACT_ERRNO"

/// A filter with a hole, and how its note begins.
private let holes: [(SeccompFilter, String)] = [
  (
    filter(rule("read")),
    "calls of SCMP_ARCH_X86 and SCMP_ARCH_X32 kill the thread that makes them: not in architectures"
  ),
  (
    filter(architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"], rule("read")),
    "calls of SCMP_ARCH_X32 kill the thread that makes them: not in architectures"
  ),
  (
    filter(default: "SCMP_ACT_ALLOW", rule("socket", action: deny, if: [argument(0, "EQ", 40)])),
    "profiles/web.yaml:9: SCMP_CMP_EQ on argument 0 compares 64 bits"
  ),
  (
    filter(rule("socket", if: [argument(0, "GT", 40)])),
    "profiles/web.yaml:9: SCMP_CMP_GT on argument 0 compares 64 bits"
  ),
  (
    filter(
      default: "SCMP_ACT_ALLOW", rule("clone", action: deny, if: [argument(0, "MASKED_EQ", 0x1000_0000, 0x1000_0000)])),
    "profiles/web.yaml:9: the condition on \"clone\" is walked round by clone3"
  ),
  (
    filter(architectures: ["SCMP_ARCH_X86"], rule("socket", if: [argument(0, "EQ", 1)])),
    "32-bit programs get past the conditions on \"socket\" by socketcall"
  ),
  (
    filter(default: "SCMP_ACT_ALLOW", rule("connect", action: deny)),
    "profiles/web.yaml:7: io_uring is allowed, and a ring does what the filter denies (\"connect\" for one)"
  ),
  (
    filter(flags: ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"], rule("read")),
    "profiles/web.yaml:7: SECCOMP_FILTER_FLAG_SPEC_ALLOW turns off"
  ),
  (
    filter(rule("ptrace"), rule("mount", action: "SCMP_ACT_TRACE")),
    "profiles/web.yaml:7: SCMP_ACT_TRACE lets a tracer decide"
  ),
]

@Suite struct BypassTests {
  @Test("a known way round a filter is told", arguments: holes.indices)
  func told(_ index: Int) throws {
    let notes = try resolved(holes[index].0).notes.map(\.description)
    #expect(notes.contains { $0.hasPrefix(holes[index].1) }, "\(notes)")
  }

  @Test("a filter that closes them is told nothing")
  func closed() throws {
    let closed = filter(
      default: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      rule("socket", action: deny, if: [argument(0, "MASKED_EQ", 0xffff_ffff, 40)]),
      rule("socketcall", "clone3", action: deny, errno: 38), rule("io_uring_setup", "connect", action: deny),
      rule("clone", action: deny, if: [argument(0, "MASKED_EQ", 0x1000_0000, 0x1000_0000)]))
    #expect(try resolved(closed).notes.map(\.description) == [])
  }

  @Test(
    "the architecture that is missing kills: no filter is passed by it", arguments: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"])
  func missingArchitecture(_ architecture: String) throws {
    let open = filter(default: "SCMP_ACT_ALLOW", rule("mount", action: deny))
    let program = try program(try resolved(open))
    #expect(program.decide("mount", on: architecture) == .killThread)
    #expect(program.decide("read", on: architecture) == .killThread)
  }
}
