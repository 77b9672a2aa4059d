import Policy
import Testing

@testable import Seccomp

/// Which filters leave no way to a packet socket.
@Suite struct PacketSocketTests {
  private static let low: UInt64 = 0xffff_ffff
  private static let packet = rule("socket", action: deny, if: [argument(0, "MASKED_EQ", low, 17)])
  private static let xdp = rule("socket", action: deny, if: [argument(0, "MASKED_EQ", low, 44)])
  private static let old = rule(
    "socket", action: deny, if: [argument(0, "MASKED_EQ", low, 2), argument(1, "MASKED_EQ", 0xf, 10)])
  private static let hidden = rule("socketcall", action: deny)
  private static let rings = rule("io_uring_setup", action: deny)
  private static let deny = "SCMP_ACT_ERRNO"
  private static let every = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]

  private static func allowing(_ rules: [SeccompFilter.Rule]) -> SeccompFilter {
    var allowing = SeccompFilter(defaultAction: "SCMP_ACT_ALLOW")
    (allowing.architectures, allowing.syscalls) = (every, rules)
    return allowing
  }

  private func denies(_ filter: SeccompFilter) throws -> Bool {
    try FilterProgram(filter, architecture: .x86_64, at: here).deniesPacketSockets(on: .x86_64)
  }

  @Test("a filter that closes every way denies packet sockets")
  func closed() throws {
    #expect(try denies(Self.allowing([Self.packet, Self.xdp, Self.old, Self.hidden, Self.rings])))
    #expect(try denies(Self.allowing([rule("socket", "socketcall", "io_uring_setup", action: Self.deny)])))
    #expect(try denies(filter(rule("read"))))
    #expect(try denies(filter(rule("socket", if: [argument(0, "EQ", 1)]))))
  }

  @Test(
    "one that leaves a way does not",
    arguments: [
      [xdp, old, rings, hidden], [packet, old, rings, hidden], [packet, xdp, rings, hidden],
      [packet, xdp, old, hidden],
      // The kernel reads 32 bits, and a type.
      [rule("socket", action: deny, if: [argument(0, "EQ", 17)]), xdp, old, rings, hidden],
      [
        rule("socket", action: deny, if: [argument(0, "MASKED_EQ", low, 17), argument(1, "EQ", 3)]), xdp, old, rings,
        hidden,
      ],
    ])
  func open(_ rules: [SeccompFilter.Rule]) throws { #expect(try !denies(Self.allowing(rules))) }

  @Test("nor does one that allows AF_INET of any type, or the runtimes' default")
  func allowed() throws {
    #expect(try !denies(filter(rule("socket", if: [argument(0, "EQ", 2)]))))
    #expect(try !denies(RuntimeDefault.filter.resolved(in: intel)))
  }
}
