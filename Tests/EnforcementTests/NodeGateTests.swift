import BPF
import CStockade
import Glibc
import Policy
import System
import Testing

@testable import Enforcement

/// The node gate: what the kernel does by itself when a pod's cgroup is made, and what closing and opening do.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct NodeGateTests {
  static let pod = "pod\(NodeGateWorld.uid)"

  // MARK: The kernel's part

  @Test(
    "a pod is closed when its cgroup is made, by either driver's name, also in a parent that is made later",
    arguments: [pod, "burstable/\(pod)", "kubepods-burstable-pod0f6e4c1e_5d0a_4f0e_9d3b_2f1c6a7b8c9d.slice"])
  func newPod(pod: String) throws {
    let world = try NodeGateWorld()
    try world.close()
    if pod.hasPrefix("burstable") { try world.make("burstable") }
    try world.make(pod)
    #expect(try world.state(pod) == .closed)
    #expect(try world.isHeldBack(pod))
  }

  private static let pids = "/sys/fs/cgroup/pids"

  @Test(
    "where containers are found in a v1 hierarchy, pods and their sandboxes are followed there, and nowhere else",
    .enabled(if: Files.exists("\(pids)/cgroup.procs"), "needs the v1 controller pids"))
  func cgroupV1() throws {
    let bench = try ExecBench(cgroupV1: true), gate = bench.policy.nodeGate
    let parent = "/stockade-test-node-\(UInt64.random(in: 0...UInt64.max))"
    defer { for root in [Self.pids, NodeGateWorld.root] { removeCgroup(root + parent) } }
    try gate.name(parents: [parent], exempt: [])
    let pod = "\(parent)/\(Self.pod)"
    for root in [Self.pids, NodeGateWorld.root] {
      for path in [parent, pod, "\(pod)/sandbox"] { try Files.makeFolder(root + path) }
      let id = try Cgroup(directory: root + pod).id, first = try Cgroup(directory: root + pod + "/sandbox").id
      #expect(try gate.gates.state(id) == (root == Self.pids ? .closed : nil))
      #expect(try gate.gates.sandbox(id)?.firstChild == (root == Self.pids ? .cgroup(first) : nil))
    }
    removeCgroup(Self.pids + pod + "/sandbox")
    let id = try Cgroup(directory: Self.pids + pod).id
    #expect(try gate.gates.sandbox(id)?.firstChild == .awaited)
  }

  @Test("a parent that is there by nobody's doing yet is known by its path when it is made")
  func laterParents() throws {
    let world = try NodeGateWorld(existing: false)
    #expect(try world.close() == NodeGateClosing.Outcome())
    try world.make("")
    try world.make("burstable")
    #expect(try world.state("") == .parent && world.state("burstable") == .parent)
    try world.make("burstable/\(Self.pod)")
    #expect(try world.isHeldBack("burstable/\(Self.pod)"))
  }

  @Test("nothing runs in a parent itself, nor where a cgroup in it has no pod's name")
  func noPod() throws {
    let world = try NodeGateWorld()
    #expect(world.start(in: "") == "ran")
    try world.close()
    #expect(world.start(in: "") == "killed")
    for name in ["guaranteed", "pod", "podcast", "xpod1"] {
      try world.make(name)
      try world.make("\(name)/first")
      // "podcast" has a pod's name, so its first cgroup is its sandbox's.
      #expect(world.start(in: "\(name)/first") == (name == "podcast" ? "ran" : "killed"), "\(name)")
    }
  }

  @Test("where the table has no room for one more pod, nothing of it runs, and others' gates stay as they are")
  func full() throws {
    let world = try NodeGateWorld()
    try world.close()
    try world.make(Self.pod)
    try world.gate.gates.set(try world.id(Self.pod), .free)
    try world.make("\(Self.pod)/container")
    // No cgroup has such an id.
    var next = UInt64(1) << 40
    let first = next
    defer { for id in first..<next { try? world.gate.gates.remove(CgroupID(id)) } }
    let error = #expect(throws: BPFError.self) {
      while true {
        try world.gate.gates.set(CgroupID(next), .closed)
        next += 1
      }
    }
    #expect("\(error.map { "\($0)" } ?? "")".contains("is full: \(STOCKADE_GATES_MAX) elements"))
    try world.make("pod2")
    #expect(try world.state("pod2") == nil)
    try world.make("pod2/sandbox")
    #expect(world.start(in: "pod2/sandbox") == "killed")
    #expect(world.start(in: "\(Self.pod)/container") == "ran")
    try world.gate.gates.remove(CgroupID(first))
    #expect(try world.close().entered == [], "what was refused is not entered as what was there before")
    #expect(world.start(in: "pod2/sandbox") == "killed")
  }

  @Test("static pods that are exempt are free from their first moment on, by either driver's name; others are not")
  func exempt() throws {
    let world = try NodeGateWorld()
    for (exempt, state) in [("*", .free), (NodeGateWorld.staticUID, .free), ("abc", nil)] as [(String, GateState?)] {
      world.wanted.exemptStaticPods = [exempt]
      try world.close()
      for name in ["pod\(NodeGateWorld.staticUID)", "kubepods-pod\(NodeGateWorld.staticUID).slice"] {
        try world.make(name)
        #expect(try world.state(name) == state ?? .closed, "\(exempt) \(name)")
        world.remove(name)
      }
      try world.make(Self.pod)
      #expect(try world.state(Self.pod) == .closed)
      world.remove(Self.pod)
    }
    #expect(try world.gate.exempt() == ["abc"])
    #expect(try world.gate.isExempt("abc") && !world.gate.isExempt(NodeGateWorld.staticUID))
  }

  @Test(
    "all static pods are those with 32 digits and no dash; a UID is exempt by its name",
    arguments: [
      (NodeGateWorld.staticUID, ["*"], true), (NodeGateWorld.staticUID, [NodeGateWorld.staticUID], true),
      (NodeGateWorld.uid, ["*"], false), (NodeGateWorld.uid, [NodeGateWorld.uid], true),
      (NodeGateWorld.uid, [NodeGateWorld.staticUID], false), (NodeGateWorld.staticUID, [], false),
      (String(NodeGateWorld.staticUID.dropLast()), ["*"], false), (NodeGateWorld.staticUID + "0", ["*"], false),
      ("", ["*"], false), (String(repeating: "a", count: 64), [String(repeating: "a", count: 63)], false),
    ] as [(String, [String], Bool)])
  func exempt(uid: String, exempt: [String], isExempt: Bool) throws {
    let world = try NodeGateWorld()
    try world.gate.name(parents: world.wanted.parents, exempt: exempt)
    #expect(try world.gate.isExempt(uid) == isExempt)
  }

  @Test("a UID that a manifest sets, with dashes, is exempt by its name alone")
  func exemptByName() throws {
    let world = try NodeGateWorld()
    world.wanted.exemptStaticPods = [NodeGateWorld.uid]
    try world.close()
    for name in [Self.pod, "kubepods-pod0f6e4c1e_5d0a_4f0e_9d3b_2f1c6a7b8c9d.slice"] {
      try world.make(name)
      #expect(try world.state(name) == .free)
    }
  }

  @Test("a pod that is freed runs everything, and with its cgroup all that is known of it goes")
  func freed() throws {
    let world = try NodeGateWorld()
    try world.close()
    let id = try world.make(Self.pod)
    #expect(try world.isHeldBack(Self.pod))
    #expect(try world.gate.gates.sandbox(id)?.refused == 1)
    try world.gate.gates.set(id, .free)
    #expect(world.start(in: "\(Self.pod)/container") == "ran")
    while (try? world.id(Self.pod)) != nil { world.remove(Self.pod) }
    #expect(try world.gate.gates.state(id) == nil && world.gate.gates.sandbox(id) == nil)
  }

  @Test("an opening for a time ends by itself, and what it let through is counted")
  func openFor() throws {
    let world = try NodeGateWorld()
    try world.close()
    try world.make(Self.pod)
    #expect(try world.isHeldBack(Self.pod))
    let before = try world.gate.letThrough()
    let end = try Self.bootNanoseconds() + 1_500_000_000
    try world.gate.open(until: end)
    #expect(world.start(in: "\(Self.pod)/container") == "ran")
    #expect(try world.gate.letThrough() == before + 1)
    while try Self.bootNanoseconds() <= end { usleep(10_000) }
    #expect(world.start(in: "\(Self.pod)/container") == "killed")
    #expect(try world.gate.letThrough() == before + 1)
    try world.gate.open(until: .max)
    #expect(world.start(in: "\(Self.pod)/container") == "ran")
    try world.gate.open(until: 0)
    #expect(world.start(in: "\(Self.pod)/container") == "killed")
  }

  private static func bootNanoseconds() throws -> UInt64 {
    var time = timespec()
    try call("read the clock") { clock_gettime(CLOCK_BOOTTIME, &time) }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// The names of pods' cgroups.
@Suite struct PodCgroupNameTests {
  private static let uid = NodeGateWorld.uid

  @Test(
    "the UID is read from the name that either driver gives, and from no other",
    arguments: [
      ("/kubepods/pod\(uid)", uid), ("pod\(uid)", uid),
      (
        "/kubepods/besteffort/pod\(NodeGateWorld.staticUID)",
        NodeGateWorld.staticUID
      ),
      ("/kubepods.slice/kubepods-pod0f6e4c1e_5d0a_4f0e_9d3b_2f1c6a7b8c9d.slice", uid),
      (
        "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f6e4c1e_5d0a_4f0e_9d3b_2f1c6a7b8c9d.slice", uid
      ),
      ("/kubepods/pod1-pod2", "1-pod2"), ("/a-pod1-pod2.slice", "1-pod2"),
      ("/kubepods", nil), ("/kubepods/burstable", nil), ("/kubepods.slice/kubepods-burstable.slice", nil),
      ("/kubepods/pod", nil), ("/kubepods-pod.slice", nil), ("/kubepods/xpod1", nil), ("/kubepods/pod1/container", nil),
      ("/kubepods/Pod1", nil), ("", nil), ("/", nil),
    ] as [(String, String?)])
  func names(path: String, uid: String?) { #expect(PodCgroupName.uid(in: path) == uid) }
}
