import Policy
import Testing

@testable import Seccomp

/// What a profile's `kernel` section makes of its filter.
@Suite struct KernelSectionTests {
  private static let every = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
  private static let low: UInt64 = 0xffff_ffff
  private static let bit: UInt64 = 0x40_0000

  private static func code() -> FilterDemands {
    var demands = FilterDemands()
    demands.deniesImpliedCode = true
    return demands
  }

  private static func listing(_ families: SocketFamily...) -> FilterDemands {
    var demands = FilterDemands()
    demands.families = Set(families)
    return demands
  }

  private func resolved(
    _ source: SeccompSection.Source, _ demands: FilterDemands, mode: Mode = .enforce
  ) throws(SeccompError) -> ResolvedSeccomp {
    try resolve(
      SeccompSection(source: source, location: here), profilesFolder: "/nonexistent", mode: mode, demands: demands,
      environment: intel)
  }

  private func program(
    _ source: SeccompSection.Source, _ demands: FilterDemands, mode: Mode = .enforce
  ) throws -> FilterProgram { try SeccompTests.program(resolved(source, demands, mode: mode)) }

  /// Filters that let the calls pass in each way that there is.
  private static let filters: [SeccompSection.Source] = [
    .runtimeDefault,
    .inline(filter(default: "SCMP_ACT_ALLOW", architectures: every, rule("acct", action: "SCMP_ACT_ERRNO"))),
    .inline(filter(default: "SCMP_ACT_LOG", rule("acct", action: "SCMP_ACT_ERRNO"))),
    .inline(filter(architectures: every, rule("socket", "socketpair", "personality", "io_uring_setup", "read"))),
    .inline(filter(rule("socket", "socketpair", "personality", action: "SCMP_ACT_LOG"))),
    .inline(
      filter(
        rule("socket", "socketpair", if: [argument(0, "NE", 40)]),
        rule("personality", if: [argument(0, "MASKED_EQ", 0xff, 0)]),
        rule("personality", if: [argument(0, "EQ", low)]))),
    .inline(filter(rule("socket", "socketpair", if: [argument(1, "MASKED_EQ", 0xf, 1)]), rule("personality"))),
    .inline(
      filter(
        default: "SCMP_ACT_ALLOW", rule("socket", action: "SCMP_ACT_KILL", if: [argument(0, "MASKED_EQ", low, 40)]),
        rule("socketpair", action: "SCMP_ACT_LOG"))),
    .inline(filter(default: "SCMP_ACT_TRACE", rule("acct", action: "SCMP_ACT_ERRNO"))),
  ]

  @Test("no filter lets READ_IMPLIES_EXEC pass, and each lets a process ask", arguments: filters)
  func personality(_ source: SeccompSection.Source) throws {
    let program = try program(source, Self.code())
    #expect(Self.code().breach(of: program, on: .x86_64) == nil)
    let passes = try FilterAction.allow == #require(program.decide("uname", on: "SCMP_ARCH_X86_64"))
    for value in [Self.bit, Self.bit | 8, Self.bit | 1 << 31, Self.bit | 1 << 32, Self.low ^ 1, Self.low ^ 1 << 31] {
      #expect(program.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [value])?.stops == true, "\(value)")
    }
    if passes { #expect(program.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [0])?.stops == false) }
    guard source == .runtimeDefault else { return }
    #expect(program.decide("personality", on: "SCMP_ARCH_X86_64", arguments: [Self.low]) == .allow)
    #expect(program.decide("personality", on: "SCMP_ARCH_X86", arguments: [Self.bit])?.stops == true)
  }

  @Test("no filter lets a family pass that is not listed, and none denies one that is", arguments: filters)
  func sockets(_ source: SeccompSection.Source) throws {
    let demands = Self.listing(.unix, .inet, .inet6, .netlink, .xdp)
    let before = try program(source, FilterDemands()), after = try program(source, demands)
    #expect(demands.breach(of: after, on: .x86_64) == nil)
    for call in FilterDemands.socketCalls {
      for family in 0..<70 as Range<UInt64> {
        let isListed = [1, 2, 10, 16, 44].contains(family)
        for number in [0, 6, 262] as [UInt64] {
          let answers = [before, after].map {
            $0.decide(call, on: "SCMP_ARCH_X86_64", arguments: [family, 1, number])
          }
          let context: Comment = "\(call) of family \(family), protocol \(number)"
          if isListed {
            #expect(answers[0] == answers[1], context)
          } else {
            #expect(answers[1]?.stops == true, context)
          }
        }
      }
      #expect(after.decide(call, on: "SCMP_ARCH_X86_64", arguments: [2, 1, 256])?.stops == true)
      #expect(after.decide(call, on: "SCMP_ARCH_X86_64", arguments: [10, 1, 256 | 1 << 32])?.stops == true)
      // SOCK_PACKET, of which the kernel makes AF_PACKET; with SOCK_CLOEXEC.
      #expect(after.decide(call, on: "SCMP_ARCH_X86_64", arguments: [2, 10, 0x300])?.stops == true)
      #expect(after.decide(call, on: "SCMP_ARCH_X86_64", arguments: [2, 0x8000a | 1 << 32, 0x300])?.stops == true)
    }
    #expect(after.decide("io_uring_setup", on: "SCMP_ARCH_X86_64")?.stops == true)
    #expect(after.decide("getpid", on: "SCMP_ARCH_X86")?.stops == true)
    #expect(after.decide("getpid", on: "SCMP_ARCH_X32")?.stops == true)
  }

  @Test("SMC is let pass as a protocol if the family is listed", arguments: filters)
  func smc(_ source: SeccompSection.Source) throws {
    let before = try program(source, FilterDemands()), after = try program(source, Self.listing(.inet, .smc))
    let answers = [before, after].map { $0.decide("socket", on: "SCMP_ARCH_X86_64", arguments: [2, 1, 256]) }
    #expect(answers[0] == answers[1])
  }

  @Test("an empty list lets no socket pass", arguments: filters)
  func none(_ source: SeccompSection.Source) throws {
    #expect(Self.listing().breach(of: try program(source, Self.listing()), on: .x86_64) == nil)
  }

  @Test("what cannot be joined is refused, and the message says what to write")
  func refused() {
    let personality = filter(rule("personality", if: [argument(0, "NE", 5)]))
    #expect(
      message { _ = try resolved(.inline(personality), Self.code()) } == "profiles/web.yaml:9: SCMP_CMP_NE on "
        + "personality cannot be joined with kernel.block executableMemory; use SCMP_CMP_EQ or SCMP_CMP_MASKED_EQ")
    let socket = filter(rule("socket", if: [argument(2, "NE", 5)]))
    #expect(
      message { _ = try resolved(.inline(socket), Self.listing(.inet)) } == "profiles/web.yaml:9: SCMP_CMP_NE on "
        + "argument 2 of socket cannot be joined with kernel.sockets, since 256 there makes a socket of the family smc; "
        + "use SCMP_CMP_MASKED_EQ with another value, or list smc")
    #expect(message { _ = try resolved(.inline(socket), Self.listing(.unix)) } == "")
  }

  @Test("in mode Audit the kernel logs what the list does not have, and denies nothing")
  func audit() throws {
    for source in Self.filters {
      let program = try program(source, Self.listing(.unix), mode: .audit)
      #expect(program.decide("socket", on: "SCMP_ARCH_X86_64", arguments: [38, 5, 0]) == .log)
      #expect(program.decide("io_uring_setup", on: "SCMP_ARCH_X86_64") == .log)
      #expect(program.decide("getpid", on: "SCMP_ARCH_X86")?.denies == false)
    }
  }

  @Test("patterns are the numbers that they are made for, and no others", arguments: 0..<20 as Range<UInt64>)
  func patterns(_ seed: UInt64) {
    let numbers = Set((0..<64 as Range<UInt64>).filter { ($0 &* 0x9e37_79b9 &+ seed &* 0x85eb_ca6b) >> 7 & 1 == 0 })
    func matches(_ patterns: [BitPattern], _ number: UInt64) -> Int {
      patterns.count { number & $0.mask == $0.value }
    }
    let (these, others) = (BitPattern.covering(numbers), BitPattern.coveringOthers(than: numbers))
    for number in Array(0..<64 as Range<UInt64>) + (6..<32 as Range<UInt64>).map({ 1 << $0 | 2 }) {
      #expect(matches(these, number) == (numbers.contains(number) ? 1 : 0))
      #expect((matches(others, number) == 0) == numbers.contains(number))
      #expect(matches(these, number | 1 << 32) == matches(these, number))
    }
  }
}
