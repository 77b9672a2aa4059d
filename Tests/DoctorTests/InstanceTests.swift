import Testing

@testable import Doctor

@Suite struct InstanceTests {
  /// `plugins`: executables in the plugin folder. `processes`: command lines, by process from 1 on.
  private func node(plugins: [String], processes: [[String]]) throws -> TestNode {
    let node = TestNode()
    for name in plugins { try node.writeProgram("/opt/nri/plugins/\(name)") }
    for (index, arguments) in processes.enumerated() {
      node.runStockade(arguments, pid: Int32(index + 1), executable: "/usr/local/sbin/stockade")
    }
    return node
  }

  private static let launched = ["/opt/nri/plugins/10-stockade"]

  @Test(
    "one instance is right, two contradict each other, and none confines nothing",
    arguments: [
      (["10-stockade"], [launched], "ok instances: /opt/nri/plugins/10-stockade (process 1) runs"),
      (["10-other"], [["stockade", "run"]], "ok instances: stockade run (process 1) runs"),
      ([], [["/usr/local/sbin/stockade", "run", "--name", "x"]], "ok instances: stockade run (process 1) runs"),
      (
        [],
        [
          ["stockade", "run"], ["stockade", "try", "--", "run"], ["stockade", "doctor"],
          ["stockade", "profile", "check"],
        ],
        "ok instances: stockade run (process 1) runs"
      ),
      (
        ["10-stockade"], [["stockade", "keeper", "stockade", "10"], ["stockade", "kept", "stockade", "10", "/s"]],
        "ok instances: what the keeper started after the launched plugin ended (process 2) runs"
      ),
      (["10-stockade"], [launched, ["stockade", "keeper", "stockade", "10"]], "ok instances: /opt/nri/plugins/10"),
      (
        ["10-stockade"], [launched, ["stockade", "run"]],
        "missing instances: 2 run: /opt/nri/plugins/10-stockade (process 1), stockade run (process 2); they contradict"
      ),
      (
        [], [["stockade", "run"], ["stockade", "run", "--socket", "/other"]],
        "missing instances: 2 run: stockade run (process 1), stockade run (process 2); they contradict each other"
      ),
      (
        ["10-stockade", "20-stockade"], [launched],
        "missing instances: containerd launches 2 from /opt/nri/plugins: 10-stockade, 20-stockade; they contradict"
      ),
      (
        ["10-stockade"], [["stockade", "run"]],
        "missing instances: stockade run (process 1) runs, and containerd launches /opt/nri/plugins/10-stockade when"
      ),
      (
        ["10-stockade"], [],
        "missing instances: none runs: new containers start without a profile -> restart containerd, which launches"
      ),
      ([], [], "missing instances: none runs: new containers start without a profile -> install it"),
      (["10-other", "20-xstockade"], [], "missing instances: none runs"),
    ] as [([String], [[String]], String)])
  func instances(plugins: [String], processes: [[String]], expected: String) throws {
    let found = try node(plugins: plugins, processes: processes).findings(.instances)
    #expect(found.count == 1 && found[0].hasPrefix(expected), "\(found)")
  }

  @Test("where containerd requires stockade and none runs, nothing starts")
  func required() throws {
    let node = TestNode()
    try node.runRecorded(version: "2.3.4", dump: recordedDump())
    #expect(node.findings(.instances)[0].contains("none runs: containerd creates no container until one runs"))
  }

  @Test("as another user, and in a pid namespace of its own, none that is seen may still be one")
  func notRoot() throws {
    let node = try node(plugins: [], processes: [])
    node.isRoot = false
    let expected = "unknown instances: none is seen to run -> run stockade doctor on the node itself, as root"
    #expect(node.findings(.instances) == [expected])
    var places = node.places
    (places.isRoot, places.seesAllProcesses) = (true, false)
    let found = Diagnosis(places: places, node: nil).findings
    #expect(found.filter { $0.subject == .instances }.map(\.line) == [expected])
    #expect(found.first { $0.subject == .containerd }?.level == .unknown)
  }

  @Test("a program that was replaced on the disk is still one that runs")
  func deleted() throws {
    let node = TestNode()
    node.runStockade(["stockade", "run"], pid: 1, executable: "/usr/local/sbin/stockade (deleted)")
    #expect(node.findings(.instances) == ["ok instances: stockade run (process 1) runs"])
  }

  @Test("what containerd takes for a plugin and is none keeps it from starting", arguments: ["stockade", "1-stockade"])
  func wrongName(name: String) throws {
    let found = try node(plugins: [name], processes: [["stockade", "run"]]).findings(.instances)
    #expect(
      found.contains { $0.hasPrefix("missing instances: /opt/nri/plugins/\(name) is no plugin's name") }, "\(found)")
  }

  @Test("what is no program is no plugin")
  func noProgram() throws {
    let node = try node(plugins: [], processes: [["stockade", "run"]])
    try node.write("/opt/nri/plugins/README", "")
    try node.write("/opt/nri/plugins/20-stockade", "")
    #expect(node.findings(.instances) == ["ok instances: stockade run (process 1) runs"])
  }

  @Test(
    "a process counts where all its user ids are root's",
    arguments: [
      ("Name:\tstockade\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n", true), ("Uid:\t1000\t0\t0\t0\n", false),
      ("Uid:\t65534\t65534\t65534\t65534\nGid:\t0\t0\t0\t0\n", false), ("Uid:\t0\t0\t0\n", false), ("", false),
    ])
  func users(status: String, expected: Bool) { #expect(RunningProcess.isOfRoot(status) == expected) }

  @Test("control characters of a process's name do not reach the terminal")
  func controlCharacters() throws {
    let node = try node(plugins: [], processes: [["/opt/\u{1b}[2J\n10-stockade"]])
    let found = node.findings(.instances)[0]
    #expect(found.unicodeScalars.allSatisfy { $0.value >= 0x20 } && found.contains("10-stockade"))
  }
}
