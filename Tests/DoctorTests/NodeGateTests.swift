import System
import Testing

@testable import Doctor

/// What the doctor says of the node gate, and which runtimes can live with one.
@Suite struct NodeGateTests {
  private static let asked = "nodeGate: {enabled: true}\n"
  private static let file = "/etc/stockade/stockade.yaml"

  private func findings(_ configuration: String?, _ state: NodeGateState?) throws -> [String] {
    let node = TestNode()
    if let configuration { try node.write(Self.file, configuration) }
    node.runStockade(["stockade", "run"], pid: 1)
    node.nodeGate = state
    return node.findings(.nodeGate)
  }

  @Test("closed and asked for is right, and so is neither")
  func right() throws {
    let closed = NodeGateState(parents: ["/a", "/b"])
    #expect(try findings(Self.asked, closed) == ["ok node gate: closed in /a, /b"])
    #expect(try findings(nil, NodeGateState()) == ["ok node gate: not asked for"])
    #expect(try findings("nodeGate: {enabled: false}\n", NodeGateState()) == ["ok node gate: not asked for"])
  }

  @Test("asked for and not closed is wrong, and tells who asks")
  func notClosed() throws {
    let found = try findings(Self.asked, NodeGateState())
    #expect(found.count == 1)
    #expect(found[0].hasPrefix("missing node gate: not closed, though \(Self.file) asks for it"))
    #expect(found[0].contains("-> run stockade gate close, and at boot the unit stockade-gate"))
  }

  @Test("closed and not asked for is told")
  func notAskedFor() throws {
    for configuration in [nil, "nodeGate: {enabled: false}\n"] {
      let found = try findings(configuration, NodeGateState(parents: ["/a"]))
      #expect(found.count == 1)
      #expect(found[0].hasPrefix("limited node gate: closed in /a, though \(Self.file) does not ask for it"))
    }
  }

  @Test("a configuration that is broken opens nothing")
  func brokenConfiguration() throws {
    #expect(try findings("nodeGate: 1\n", NodeGateState(parents: ["/a"])) == ["ok node gate: closed in /a"])
  }

  @Test("an opening is told with its end, whether or not the node gate is asked for")
  func opening() throws {
    for (configuration, parents) in [(Self.asked, ["/a"]), ("", [])] {
      let found = try findings(configuration, NodeGateState(parents: parents, openUntilNanoseconds: 60_000_000_000))
      #expect(
        found.last
          == "limited node gate: all gates are open until 1970-01-01T00:01:00.000000000Z -> stockade gate close ends that"
      )
      #expect(found.count == 2)
    }
  }

  @Test("what cannot be read is not known, where it matters")
  func unreadable() throws {
    #expect(
      try findings(Self.asked, nil) == ["unknown node gate: it could not be looked at -> run stockade doctor as root"])
    #expect(try findings(nil, nil) == [])
  }

  // MARK: Runtimes

  private func problem(dump: String) throws -> String? {
    let node = TestNode()
    try node.runRecorded(version: "2.3.4", dump: dump)
    return NodeGateRuntime.problem(in: node.places)
  }

  private static func runtimes(_ lines: String, plugin: String = "io.containerd.cri.v1.runtime") -> String {
    "version = 3\n[plugins.\"\(plugin)\".containerd.runtimes]\n\(lines)\n"
  }

  @Test("containerd with runc alone can live with it")
  func runc() throws {
    #expect(try problem(dump: recordedDump()) == nil)
    #expect(try problem(dump: Self.runtimes("runc.runtime_type = \"io.containerd.runc.v2\"")) == nil)
    #expect(try problem(dump: "version = 3\n") == nil)
  }

  @Test(
    "a runtime whose containers are no processes of the node is refused by its name, in both releases' tables",
    arguments: ["io.containerd.grpc.v1.cri", "io.containerd.cri.v1.runtime"])
  func sandboxed(plugin: String) throws {
    let lines = """
      runc.runtime_type = "io.containerd.runc.v2"
      kata.runtime_type = "io.containerd.kata.v2"
      gvisor.runtime_type = "io.containerd.runsc.v1"
      """
    let problem = try #require(try problem(dump: Self.runtimes(lines, plugin: plugin)))
    #expect(problem.hasPrefix("containerd has the runtimes gvisor, kata, whose containers run in a sandbox"))
  }

  @Test("a containerd whose configuration cannot be read is refused")
  func broken() throws {
    #expect(try problem(dump: "version = 3\n{\n")?.hasPrefix("containerd's configuration cannot be read: ") == true)
  }

  @Test(
    "CRI-O has to start a process for each sandbox, before everything else in the pod's cgroup",
    arguments: [
      (["crio.conf": ""], "CRI-O starts no process for a sandbox"),
      (["crio.conf": "[crio.runtime]\ndrop_infra_ctr = true\n"], "CRI-O starts no process for a sandbox"),
      (["crio.conf": "[crio.runtime]\ndrop_infra_ctr = false\n"], nil),
      (["crio.conf.d/10.conf": "[crio.runtime]\ndrop_infra_ctr = false\n"], nil),
      (
        [
          "crio.conf": "[crio.runtime]\ndrop_infra_ctr = false\n",
          "crio.conf.d/10.conf": "[crio.runtime]\ndrop_infra_ctr = true\n",
        ], "CRI-O starts no process for a sandbox"
      ),
      (
        [
          "crio.conf.d/10.conf": "[crio.runtime]\ndrop_infra_ctr = true\n",
          "crio.conf.d/20.conf": "[crio.runtime]\ndrop_infra_ctr = false\nconmon_cgroup = \"system.slice\"\n",
        ], nil
      ),
      (
        ["crio.conf": "[crio.runtime]\ndrop_infra_ctr = false\nconmon_cgroup = \"pod\"\n"],
        "CRI-O puts conmon in the pod's cgroup"
      ),
    ] as [([String: String], String?)])
  func crio(files: [String: String], problem: String?) throws {
    let node = TestNode()
    for (name, text) in files { try node.write("/etc/crio/\(name)", text) }
    let found = NodeGateRuntime.problem(in: node.places)
    if let problem { #expect(found?.hasPrefix(problem) == true, "\(found ?? "")") } else { #expect(found == nil) }
  }

  @Test("a CRI-O that has no configuration has its defaults, and one that is broken is refused")
  func crioDefaults() throws {
    let node = TestNode()
    #expect(NodeGateRuntime.problem(in: node.places) == nil)
    try node.writeProgram("/bin/crio")
    node.programFolders = [node.root + "/bin"]
    #expect(NodeGateRuntime.problem(in: node.places)?.hasPrefix("CRI-O starts no process") == true)
    try node.write("/etc/crio/crio.conf", "[crio.runtime\n")
    #expect(NodeGateRuntime.problem(in: node.places)?.contains("/etc/crio/crio.conf cannot be read: ") == true)
  }

  @Test("the doctor tells of such a runtime where the node gate is asked for")
  func told() throws {
    let node = TestNode()
    try node.write("/etc/crio/crio.conf", "")
    node.runStockade(["stockade", "run"], pid: 1)
    #expect(node.findings(.nodeGate) == ["ok node gate: not asked for"])
    try node.write(Self.file, Self.asked)
    node.nodeGate = NodeGateState(parents: ["/a"])
    #expect(node.findings(.nodeGate).last?.hasPrefix("missing node gate: CRI-O starts no process") == true)
  }
}
