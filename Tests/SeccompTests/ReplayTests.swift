import Glibc
import Policy
import Testing

@testable import Seccomp

/// What a filter answered to a call, and the part of the profile that says so.
@Suite struct ReplayTests {
  private static let intelAudit: UInt32 = 0xc000_003e
  private static let compatAudit: UInt32 = 0x4000_0003
  private static let every = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]

  private func replayed(
    _ source: SeccompSection.Source, _ demands: FilterDemands = FilterDemands(), mode: Mode = .enforce,
    folder: String = "/nonexistent"
  ) throws -> ReplayedFilter {
    let resolved = try resolve(
      SeccompSection(source: source, location: here), profilesFolder: folder, mode: mode, demands: demands,
      environment: intel)
    return try ReplayedFilter(adapt(resolved, to: .full).filter, of: resolved, architecture: .x86_64)
  }

  private func ruling(
    _ filter: ReplayedFilter, _ name: String, _ arguments: [UInt64] = [], audit: UInt32 = intelAudit
  ) throws -> ReplayedFilter.Ruling? {
    let number = (Int32(0)..<600).first { ReplayedFilter.Call(audit: audit, number: $0).name == name }
    return filter.ruling(audit: audit, number: try #require(number), arguments: arguments)
  }

  private func numbered(_ rules: SeccompFilter.Rule...) -> [SeccompFilter.Rule] {
    rules.enumerated().map { index, rule in
      var rule = rule
      rule.index = index
      return rule
    }
  }

  private func at(_ line: Int) -> Location { Location(file: here.file, line: line) }

  @Test("a rule that denies is named by its place and line, whatever is added to the filter")
  func rules() throws {
    var denying = filter(default: "SCMP_ACT_ALLOW", architectures: Self.every)
    denying.syscalls = numbered(
      rule("mkdir", action: "SCMP_ACT_ERRNO", line: 9), rule("reboot", action: "SCMP_ACT_KILL_PROCESS", line: 10),
      rule("socket", action: "SCMP_ACT_ERRNO", errno: 97, if: [argument(0, "EQ", 40)], line: 11))
    let filter = try replayed(.inline(denying))
    #expect(try ruling(filter, "mkdir") == .init(action: .errno(1), part: .rule(index: 0, at(9))))
    #expect(try ruling(filter, "reboot") == .init(action: .killProcess, part: .rule(index: 1, at(10))))
    #expect(try ruling(filter, "socket", [40]) == .init(action: .errno(97), part: .rule(index: 2, at(11))))
    #expect(try ruling(filter, "socket", [2]) == nil && ruling(filter, "read") == nil)
    #expect(try ruling(filter, "mkdir", audit: Self.compatAudit)?.part == .rule(index: 0, at(9)))
  }

  @Test("what no rule allows is the default's, on its line, also with conditions and with another errno")
  func defaults() throws {
    var allowing = filter(architectures: ["SCMP_ARCH_X86_64"])
    (allowing.defaultErrno, allowing.lines.defaultAction) = (13, 8)
    allowing.syscalls = numbered(rule("read", "write"), rule("socket", if: [argument(0, "EQ", 1)]))
    let filter = try replayed(.inline(allowing))
    #expect(try ruling(filter, "mkdir") == .init(action: .errno(13), part: .defaultAction(at(8))))
    #expect(try ruling(filter, "socket", [2])?.part == .defaultAction(at(8)))
    #expect(try ruling(filter, "socket", [1]) == nil)
    #expect(try ruling(filter, "execve") == nil, "added for the runtime's init")
    let other = try #require(try ruling(filter, "read", audit: Self.compatAudit))
    #expect(other == .init(action: .killThread, part: .architectures(here)))
  }

  @Test("what only the kernel section denies is that section's")
  func demands() throws {
    var demands = FilterDemands()
    (demands.deniesImpliedCode, demands.families) = (true, [.inet, .inet6])
    for source in [
      SeccompSection.Source.runtimeDefault,
      .inline(filter(default: "SCMP_ACT_ALLOW", architectures: Self.every, rule("acct", action: "SCMP_ACT_ERRNO"))),
    ] {
      let filter = try replayed(source, demands)
      #expect(try ruling(filter, "socket", [16, 3, 0])?.part == .kernelSockets)
      #expect(try ruling(filter, "socket", [2, 1, 0]) == nil)
      #expect(try ruling(filter, "personality", [0x40_0008])?.part != nil)
      #expect(try ruling(filter, "read", audit: Self.compatAudit)?.part == .kernelSockets)
      #expect(try ruling(filter, "acct")?.part != .kernelSockets)
    }
    let open = filter(default: "SCMP_ACT_ALLOW", rule("acct", action: "SCMP_ACT_ERRNO"))
    #expect(
      try ruling(replayed(.inline(open), demands), "personality", [0x40_0008])?.part == .kernelBlock(.executableMemory))
  }

  @Test("the runtime's default names its section, and a file its own rules and lines")
  func sources() throws {
    let usual = try replayed(.runtimeDefault)
    #expect(try ruling(usual, "mount")?.part == .defaultAction(here))
    let clone3 = try #require(try ruling(usual, "clone3"))
    #expect(clone3.action == .errno(UInt16(ENOSYS)) && clone3.part == .rule(index: nil, here))
    let folder = try Folder()
    try folder.write(
      """
      {"defaultAction": "SCMP_ACT_ALLOW",
       "syscalls": [
        {"names": ["acct"], "action": "SCMP_ACT_ERRNO"},
        {"names": ["mkdir"], "action": "SCMP_ACT_ERRNO"}
      ]}
      """, to: "a.json")
    let part = try ruling(replayed(.localhost("a.json"), folder: folder.path), "mkdir")?.part
    #expect(part == .rule(index: 1, Location(file: "\(folder.path)/a.json", line: 4)))
  }

  @Test("clone3 that answers ENOSYS is a fallback, in mode Audit too, and with another errno it is a denial")
  func fallback() throws {
    let author = SeccompSection.Source.inline(
      filter(default: "SCMP_ACT_ALLOW", rule("clone3", action: "SCMP_ACT_ERRNO", errno: 38)))
    let allowing = SeccompSection.Source.inline(filter(rule("read", "clone")))
    for (source, mode) in [
      (author, Mode.enforce), (author, .audit), (allowing, .enforce), (allowing, .audit), (.runtimeDefault, .enforce),
      (.runtimeDefault, .audit),
    ] { #expect(try ruling(replayed(source, mode: mode), "clone3")?.isFallback == true, "\(source) \(mode)") }
    let denying = SeccompSection.Source.inline(
      filter(default: "SCMP_ACT_ALLOW", rule("clone3", action: "SCMP_ACT_ERRNO")))
    for mode in [Mode.enforce, .audit] {
      #expect(try ruling(replayed(denying, mode: mode), "clone3")?.isFallback == false)
    }
    #expect(try ruling(replayed(.runtimeDefault), "mount")?.isFallback == false)
  }

  @Test("in mode Audit what would be denied is logged, and named as if it were denied")
  func audit() throws {
    let filter = try replayed(
      .inline(filter(default: "SCMP_ACT_ALLOW", rule("mkdir", action: "SCMP_ACT_KILL_PROCESS"))), mode: .audit)
    let found = try #require(try ruling(filter, "mkdir"))
    #expect(found.action == .log && found.part == .rule(index: nil, at(9)))
    #expect(try ruling(filter, "read") == nil)
  }

  @Test(
    "calls have the names and architectures that people know",
    arguments: [
      (0xc000_003e as UInt32, 83 as Int32, "mkdir", "x86_64"), (0x4000_0003, 39, "mkdir", "x86"),
      (0xc000_003e, 0x4000_0053, "mkdir", "x32"), (0xc000_00b7, 34, "mkdirat", "aarch64"),
      (0xc000_003e, 462, "mseal", "x86_64"), (0xc000_003e, 999, nil, "x86_64"), (1, 1, nil, "1"),
    ])
  func names(audit: UInt32, number: Int32, name: String?, architecture: String) {
    let call = ReplayedFilter.Call(audit: audit, number: number)
    #expect(call.name == name && call.architecture == architecture)
  }

  @Test("a filter that only logs, or answers errno 0, is known as one whose answers look like success")
  func unseen() {
    #expect(filter(default: "SCMP_ACT_LOG").answersUnseen)
    #expect(filter(rule("umask", action: "SCMP_ACT_ERRNO", errno: 0)).answersUnseen)
    #expect(!filter(rule("umask", action: "SCMP_ACT_ERRNO")).answersUnseen)
  }
}
