import Policy
import System
import Testing

@testable import Recording
@testable import Seccomp

@Suite struct ProfileTestTests {
  private func profile(_ spec: String) throws -> Profile {
    try RecordedProfileTests.load(
      "apiVersion: stockade.dev/v1alpha1\nkind: SecurityProfile\nmetadata: {name: web}\nspec:\n" + spec)
  }

  private func test(_ spec: String, _ recordings: Recording...) throws -> ProfileTest {
    try ProfileTest(try profile(spec), folder: "/", recordings, RecordedProfileTests.environment)
  }

  private static let strict = """
      process:
        defaultAction: Block
        rules:
        - {path: /bin/a, action: Allow}
        - {path: /bin/unused, action: Allow}
        - {path: /bin/b, action: Block}
      file:
        rules:
        - {directory: /etc/secrets, action: Block}
        - {path: /etc/other, access: [Write], action: Audit}
      network:
        egress:
          defaultAction: Block
          rules:
          - {cidr: 192.0.2.0/24, ports: [{port: 443}], action: Allow}
        ingress:
          defaultAction: Block
          rules:
          - {ports: [{port: 80}], action: Allow}
      kernel:
        block: [mount, bpf]
        sockets: [unix, inet]
    """

  private static var busy: Recording {
    var recording = Recording.of(
      [("/etc/secrets/key", .read), ("/etc/other", .write), ("/etc/passwd", .read)],
      execs: [.of("/bin/a"), .of("/bin/b"), .of("/bin/c"), .of("/bin/a", isNew: true), .of("/m", isFileless: true)])
    for (address, port) in [([192, 0, 2, 1], 443), ([192, 0, 2, 1], 80)] as [([UInt8], UInt16)] {
      recording.connections[.init(direction: .egress, address: address, port: .init(transport: .tcp, port: port))] = 2
    }
    recording.binds = [.init(transport: .tcp, port: 80): 1, .init(transport: .tcp, port: 81): 1]
    recording.surfaces = [.mount: 1, .ptrace: 1]
    recording.families = [.inet: 1, .packet: 1]
    return recording
  }

  @Test("what would be denied is told with the part that decides, and its line")
  func denied() throws {
    let test = try test(Self.strict, Self.busy)
    let lines = test.denied.map { "\($0.operation.text): \($0.rule)\($0.location.map { ":\($0.line)" } ?? "")" }
    #expect(
      lines == [
        "exec /bin/a (new): process.newExecutables Block", "exec /bin/b: process.rules[2] Block /bin/b:10",
        "exec /bin/c: process.defaultAction", "exec /m (fileless): process.fileless Block",
        "read /etc/secrets/key: file.rules[0] Block Read+Write /etc/secrets/*:13",
        "connect to 192.0.2.1 TCP 80: network.egress.defaultAction", "bind TCP 81: network.ingress and network.bind",
        "use mount: kernel.block mount", "socket packet: kernel.sockets",
      ])
    #expect(test.audited.map(\.operation.text) == ["write /etc/other"])
    #expect(TestReport(test, file: "web.yaml", [("a.json", Self.busy)], mutates: false).status == 1)
  }

  @Test("in mode: Audit nothing is denied")
  func audit() throws {
    let test = try test("  mode: Audit\n" + Self.strict, Self.busy)
    #expect(test.denied.isEmpty)
    #expect(test.audited.count == 10)
  }

  @Test(
    "what a tier does not enforce is not judged",
    arguments: [(Tier.none, 0), (.signal, 6), (.fmodRet, 9), (.lsm, 9)])
  func tiers(_ tier: Tier, _ denied: Int) throws {
    let test = try ProfileTest(
      try profile(Self.strict), folder: "/", [Self.busy], tier: tier, RecordedProfileTests.environment)
    #expect(test.denied.count == denied)
  }

  @Test("each part says whether a recording needs it, and what denies is never proposed for removal")
  func mutations() throws {
    let found = try test(Self.strict, Self.busy).mutations.map { "\($0.part): \($0.need.rawValue)" }
    #expect(
      found == [
        "process.rules[0] Allow /bin/a: needed", "process.rules[1] Allow /bin/unused: unneeded",
        "process.rules[2] Block /bin/b: guard", "file.rules[0] Block Read+Write /etc/secrets/*: guard",
        "file.rules[1] Audit Write /etc/other: guard", "network.egress.rules[0] Allow 192.0.2.0/24, TCP 443: needed",
        "network.ingress.rules[0] Allow TCP 80: needed", "kernel.block mount: guard", "kernel.block bpf: guard",
        "kernel.sockets unix: unneeded", "kernel.sockets inet: needed",
      ])
  }

  @Test("of a profile that was made of a recording, no part is unneeded but calls that another run may make")
  func proposals() throws {
    let profile = try RecordedProfileTests.load(RecordedProfile(of: [RecordedProfileTests.web]).text)
    let test = try ProfileTest(profile, folder: "/", [RecordedProfileTests.web], RecordedProfileTests.environment)
    #expect(test.denied.isEmpty)
    // Calls that do the same as those that were made are in the filter for another run.
    let made = Set(RecordedProfileTests.web.syscalls.values.joined())
    let unneeded = test.mutations.filter { $0.need == .unneeded }.map { $0.part.split(separator: " ") }
    let others = unneeded.filter { $0.first != "seccomp.syscalls[0]" || made.contains(String($0.last ?? "")) }
    // The folder of logs may be listed, and was not.
    #expect(others.map { $0.joined(separator: " ") } == ["file.rules[5] Allow Read /var/log/web"])
  }

  @Test("a rule that keeps a wider one from new files is a guard")
  func newness() throws {
    let spec = """
        process:
          defaultAction: Block
          rules:
          - {directory: /opt, recursive: true, action: Allow, new: true}
          - {path: /opt/x, action: Allow}
      """
    let found = try test(spec, .of(execs: [.of("/opt/y", isNew: true)])).mutations
    #expect(found.map(\.need) == [.needed, .guard])
  }

  @Test("exceptions of the process section are parts too")
  func exceptions() throws {
    let spec = """
        process: {defaultAction: Block, allowEntrypoint: true, newExecutables: Allow, fileless: Allow}
      """
    func needs(_ execs: [Recording.Exec]) throws -> [Mutation.Need] {
      try test(spec, .of(execs: execs)).mutations.map(\.need)
    }
    #expect(try needs([]) == [.unneeded, .unneeded, .unneeded])
    #expect(try needs([.of("/a", isEntrypoint: true)]) == [.needed, .unneeded, .unneeded])
    #expect(try needs([.of("/a", isNew: true, isEntrypoint: true)]) == [.needed, .needed, .unneeded])
    #expect(try needs([.of("/a", isFileless: true)]) == [.unneeded, .unneeded, .needed])
  }

  private static let shell = """
      process:
        defaultAction: Block
        rules:
        - {path: /bin/sh, action: Allow, arguments: [{equals: -c, index: 1, action: Block}]}
        - {path: /bin/env, action: Allow, arguments: [{prefix: A, action: Audit}]}
        - {path: /bin/cat, action: Allow}
    """

  @Test("an exec that was recorded without its arguments is not judged where they decide")
  func unknownArguments() throws {
    let recording = Recording.of(execs: [
      .of("/bin/sh"), .of("/bin/sh", ["sh", "-c"]), .of("/bin/sh", ["sh"]), .of("/bin/sh", isNew: true),
      .of("/bin/cat"),
      .of("/bin/env"),
    ])
    let test = try test(Self.shell, recording)
    #expect(test.undecided.map(\.operation.text) == ["exec /bin/env", "exec /bin/sh"])
    #expect(test.undecided.last?.rule == "process.rules[0] Allow /bin/sh")
    #expect(test.denied.map(\.operation.text) == ["exec /bin/sh (new)", "exec /bin/sh -c"])
    let report = TestReport(test, file: "web.yaml", [("a.json", recording)], mutates: false).text
    #expect(
      report.contains(
        "not judged, since the rule looks at arguments, which the recording does not have: exec /bin/env, exec /bin/sh\n"
      ))
    // The rule may have let it pass.
    #expect(try self.test(Self.shell, .of(execs: [.of("/bin/sh")])).mutations.first?.need == .needed)
  }

  private static let filter = """
      seccomp:
        type: Inline
        defaultAction: SCMP_ACT_ERRNO
        architectures: [SCMP_ARCH_X86_64]
        syscalls:
        - {names: [read, ptrace], action: SCMP_ACT_ALLOW}
        - names: [clone]
          action: SCMP_ACT_ALLOW
          args: [{index: 0, value: 2114060288, op: SCMP_CMP_MASKED_EQ}]
        - {names: [personality], action: SCMP_ACT_ALLOW, args: [{index: 0, value: 0, op: SCMP_CMP_EQ}]}
        - {names: [clone3], action: SCMP_ACT_ERRNO, errnoRet: 38}
    """

  @Test("calls are judged by the filter itself; what depends on arguments is not judged")
  func calls() throws {
    var recording = Recording.of()
    recording.syscalls = [
      "SCMP_ARCH_X86_64": ["read", "clone", "clone3", "mount", "personality"], "SCMP_ARCH_X86": ["read"],
    ]
    let test = try test(Self.filter, recording)
    #expect(
      test.denied.map { "\($0.operation.text): \($0.rule): \($0.reason)" } == [
        "syscall mount (SCMP_ARCH_X86_64): seccomp.defaultAction (made.yaml:7): the filter answers errno 1",
        "syscall read (SCMP_ARCH_X86): seccomp.architectures (made.yaml:8): the filter answers killThread",
      ])
    #expect(test.undecided.map(\.operation.text) == ["syscall personality (SCMP_ARCH_X86_64)"])
    #expect(
      test.mutations.map { "\($0.part): \($0.need.rawValue)" } == [
        "seccomp.syscalls[0] read: needed", "seccomp.syscalls[0] ptrace: unneeded", "seccomp.syscalls[1] clone: needed",
        "seccomp.syscalls[2] personality: needed", "seccomp.syscalls[3] clone3: guard",
      ])
  }

  @Test("the report says who judged, what it could not see, and moves no cursor")
  func report() throws {
    var recording = Recording.of(execs: [.of("/bin/\u{1b}[2J")])
    recording.losses = ["events": 1]
    recording.unseen = [.files: "no\nhook"]
    let test = try test(Self.strict, recording)
    let report = TestReport(test, file: "web.yaml", [("a\u{7}.json", recording)], mutates: true)
    #expect(report.text.hasPrefix("warning: a\\u{07}.json is not whole: events\n"))
    #expect(report.text.contains("did not see files: no\\x0ahook\n"))
    #expect(report.text.contains("Block    1      exec /bin/\\x1b[2J  process.defaultAction  no rule is about it\n"))
    #expect(report.text.contains("1 of 1 operations would have been denied, 0 audited; judged by Stockade's model"))
    #expect(report.json.text.contains(#""denied":[{"operation":"exec /bin/\\x1b[2J","count":1,"rule""#))
  }
}
