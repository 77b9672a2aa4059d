import Policy
import System
import Testing

@testable import ProfileCheck

private let exec = "process: {rules: [{path: /bin/id, action: Block}]}"

@Suite struct JudgementTests {
  @Test("the shipped profiles are accepted by a node with the best tier")
  func shipped() throws {
    let files = try checked(["\(root)/config/profiles"])
    #expect(files.count == (try Files.names(in: "\(root)/config/profiles").count))
    #expect(files.allSatisfy { $0.verdict == .accepted } && files.compactMap(\.profile).contains("base"))
    #expect(files.flatMap(\.findings).allSatisfy { $0.severity == .note })
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
