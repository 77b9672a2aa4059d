import Policy
import System
import Testing

@testable import ProfileCheck

private let exec = "process: {rules: [{path: /bin/id, action: Block}]}"

@Suite struct JudgementTests {
  @Test("the shipped profiles are accepted by a node with the best tier")
  func shipped() throws {
    let files = try checked(["\(root)/config/profiles"])
    // kustomize's own list lies beside them.
    let names = try Files.names(in: "\(root)/config/profiles").filter { $0.hasSuffix(".yaml") }
    #expect(files.count == names.count)
    #expect(files.allSatisfy { $0.verdict == .accepted } && files.compactMap(\.profile).contains("base"))
    let warned = files.filter { $0.findings.contains { $0.severity != .note } }
    #expect(warned.compactMap(\.profile) == ["deny-network", "signal-baseline", "signal-restricted", "signal-web"])
    #expect(warned.allSatisfy { $0.findings.count { $0.message.hasPrefix("network for packet sockets ") } == 1 })
  }

  @Test(
    "network rules that a packet socket gets past are a warning",
    arguments: [
      ("", ["p.yaml: warning: "]), ("kernel: {block: [packetSockets]}", []),
      (
        "seccomp: {type: Inline, defaultAction: SCMP_ACT_ALLOW, "
          + "syscalls: [{names: [socket, io_uring_setup], action: SCMP_ACT_ERRNO}]}", []
      ),
      ("seccomp: {type: RuntimeDefault}", ["p.yaml: warning: "]),
    ])
  func packetSockets(more: String, findings: [String]) throws {
    let folder = try Folder(["p.yaml": profile("network: {egress: {defaultAction: Block}}\n" + more)])
    let files = try checked([folder.path])
    #expect(files.map(\.verdict) == [.accepted])
    let expected = findings.map {
      $0 + "network for packet sockets cannot be enforced: with CAP_NET_RAW, which runtimes give by default, a process "
        + "sends and receives past every network rule by AF_PACKET or AF_XDP; drop NET_RAW in the pod, or add "
        + "packetSockets to kernel.block for nodes with tier fmod_ret or lsm"
    }
    #expect(files.lines(in: folder.path).filter { !$0.contains(": note: ") } == expected)
  }

  @Test("what a node refuses is an error, what it lets pass a warning, and what the author accepts a note")
  func severities() throws {
    let signal = try node("tier=signal,cgroup=v2")
    for (more, severity) in [
      ("", Finding.Severity.error), ("failurePolicy: Ignore\n", .warning), ("acceptPartial: true\n", .note),
    ] {
      let folder = try Folder(["p.yaml": profile(more + exec)])
      let file = try #require(try checked(["\(folder.path)/p.yaml"], on: signal).first)
      #expect(file.findings.map(\.severity) == [severity])
      #expect(file.verdict == (severity == .error ? .refused : .accepted))
      #expect(file.findings[0].line == (more.isEmpty ? 5 : 6))
      #expect(CheckReport([file], signal).status == (severity == .error ? 1 : 0))
      #expect(try checked(["\(folder.path)/p.yaml"]).flatMap(\.findings) == [])
    }
  }

  @Test("network rules are judged by the cgroup layout")
  func cgroups() throws {
    let folder = try Folder(["p.yaml": profile("network: {egress: {defaultAction: Block}}")])
    #expect(try checked([folder.path], on: node("tier=signal,cgroup=hybrid")).map(\.verdict) == [.accepted])
    #expect(try checked([folder.path], on: node("tier=signal,cgroup=v1")).map(\.verdict) == [.refused])
    #expect(try checked([folder.path], on: node("tier=none,cgroup=v2")).map(\.verdict) == [.refused])
  }

  @Test(
    "a filter is judged by containerd's version; without one the older ones are told of",
    arguments: [
      ("containerd=2.3", [Finding.Severity.note]), ("containerd=2.2", [.note, .error]),
      ("containerd=1.7", [.note, .error]),
      ("tier=lsm", [.note, .note]),
    ])
  func containerd(text: String, severities: [Finding.Severity]) throws {
    let folder = try Folder(["p.yaml": profile("seccomp: {type: RuntimeDefault}")])
    let findings = try checked([folder.path], on: node(text, isRoot: false)).flatMap(\.findings)
    #expect(findings.map(\.severity) == severities)
    #expect(findings.allSatisfy { $0.line == 5 })
    if text == "tier=lsm" {
      #expect(
        findings[1].message == "seccomp: needs containerd 2.3: a node with an older one refuses containers")
    }
  }

  @Test("under Ignore an older containerd is a warning")
  func ignored() throws {
    let folder = try Folder(["p.yaml": profile("failurePolicy: Ignore\nseccomp: {type: RuntimeDefault}")])
    let findings = try checked([folder.path], on: node("tier=lsm,containerd=2.2")).flatMap(\.findings)
    #expect(findings.map(\.severity) == [.note, .warning])
  }

  @Test("a profile under which nothing can start is a warning")
  func start() throws {
    let folder = try Folder(["p.yaml": profile("process: {defaultAction: Block}")])
    let files = try checked([folder.path])
    #expect(files.map(\.verdict) == [.accepted])
    #expect(
      files.lines(in: folder.path) == [
        "p.yaml:5: warning: spec.process blocks every program, so no container starts; add allowEntrypoint: true, "
          + "or a rule with action Allow"
      ])
  }
}
