import Policy
import Testing

@testable import ProfileCheck

@Suite struct NodeDescriptionTests {
  @Test("a node is described by tier, cgroup and containerd, each if need be")
  func parts() throws {
    let whole = try NodeDescription.parse("tier=fmod_ret,cgroup=hybrid,containerd=2.2.1")
    #expect(whole.tier == .fmodRet && whole.cgroup == .hybrid && whole.containerd == ContainerdVersion(2, 2))
    let part = try NodeDescription.parse("cgroup=v1")
    #expect(part.tier == nil && part.cgroup == .v1 && part.containerd == nil)
  }

  @Test(
    "what describes no node is refused",
    arguments: [
      ("", "\"\" is no part of a node; write for example tier=lsm,cgroup=v2,containerd=2.3"),
      ("lsm", "\"lsm\" is no part of a node; write for example tier=lsm,cgroup=v2,containerd=2.3"),
      ("tier=", "\"tier=\" is no part of a node; write for example tier=lsm,cgroup=v2,containerd=2.3"),
      ("tier=lsm,", "\"\" is no part of a node; write for example tier=lsm,cgroup=v2,containerd=2.3"),
      ("tier=lsm,tier=none", "tier is given twice"),
      ("teir=lsm", "unknown part \"teir\"; did you mean \"tier\"?"),
      ("kernel=6.1", "unknown part \"kernel\"; a node has tier, cgroup and containerd"),
      ("tier=lsn", "tier is \"lsn\"; did you mean \"lsm\"?"),
      ("tier=best", "tier is \"best\"; write none, signal, fmod_ret, lsm"),
      ("cgroup=3", "cgroup is \"3\"; write v2, hybrid, v1"),
      ("containerd=new", "containerd is \"new\"; write its version, for example 2.3"),
      ("containerd=2", "containerd is \"2\"; write its version, for example 2.3"),
      ("containerd=2.-3", "containerd is \"2.-3\"; write its version, for example 2.3"),
    ])
  func refused(text: String, message: String) {
    let error = #expect(throws: NodeDescriptionError.self) { try NodeDescription.parse(text) }
    #expect(error?.description == message)
  }
}

@Suite struct JudgedNodeTests {
  private struct Impossible: Error {}

  @Test("what is not given is of the node that this runs on")
  func running() throws {
    let node = try node("") { NodeCapabilities(tier: .fmodRet, tierReason: "a reason") }
    #expect(node.capabilities?.tier == .fmodRet && node.cgroup == .v2 && node.containerd == nil)
    #expect(
      node.summary == "judged for tier fmod_ret (this node's; stockade doctor says why it is no better), "
        + "cgroup v2 (this node's) and containerd 2.3 or newer")
  }

  @Test("a tier that is given is not looked for")
  func given() throws {
    let node = try node("tier=signal,cgroup=v1,containerd=2.2", isRoot: false) { throw Impossible() }
    #expect(node.capabilities?.tier == .signal)
    #expect(node.capabilities?.networkProblem?.hasPrefix("there is no cgroup v2") == true)
    #expect(node.summary == "judged for tier signal, cgroup v1 and containerd 2.2")
  }

  @Test("without root and without a tier nothing is guessed, and that is said", arguments: ["", "cgroup=v2"])
  func unknown(text: String) throws {
    let node = try node(text, isRoot: false) { throw Impossible() }
    #expect(node.capabilities == nil)
    #expect(
      node.summary.hasPrefix("only the text was checked, not what a node enforces of it (finding its tier needs root)"))
  }

  @Test("a filter is judged by containerd's version without a tier, too")
  func runtimeAlone() throws {
    let node = try node("containerd=2.2", isRoot: false) { throw Impossible() }
    #expect(node.summary.hasPrefix("judged for containerd 2.2 alone, not what a node enforces of it (finding its tier"))
  }

  @Test("a node that cannot be tried is said to be unknown")
  func failed() throws {
    let node = try node("") { throw Impossible() }
    #expect(node.capabilities == nil && node.summary.contains("(Impossible()): run it as root, or say --node tier="))
  }

  @Test("that the running node lacks cgroup v2 is no matter where another layout is given; every other problem stays")
  func layout() throws {
    let probe = { NodeCapabilities(tier: .signal, networkProblem: "a problem") }
    #expect(try node("cgroup=v2", layout: .v1, probe: probe).capabilities?.networkProblem == nil)
    #expect(try node("cgroup=v2", layout: .hybrid, probe: probe).capabilities?.networkProblem == "a problem")
    #expect(try node("", layout: .v1, probe: probe).capabilities?.networkProblem == "a problem")
  }
}
