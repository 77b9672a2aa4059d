import BPF
import CStockade
import Glibc
import Policy
import System
import Testing

@testable import Enforcement

extension NodeGateTests {
  // MARK: Closing and opening

  @Test("pods that are there are entered: what runs goes on, and what is made in them from then on waits")
  func existing() throws {
    let world = try NodeGateWorld()
    try world.make("burstable")
    for pod in [Self.pod, "burstable/pod2"] {
      try world.make(pod)
      try world.make("\(pod)/old")
      world.stay(in: "\(pod)/old")
    }
    let paths = [Self.pod, "burstable/pod2"].map { "\(world.parent)/\($0)" }
    #expect(try Set(world.close().entered) == Set(paths))
    for pod in [Self.pod, "burstable/pod2"] {
      #expect(world.start(in: "\(pod)/old") == "ran")
      try world.make("\(pod)/new")
      #expect(world.start(in: "\(pod)/new") == "killed")
    }
    for parent in ["", "burstable"] { #expect(try world.state(parent) == .parent) }
  }

  @Test("of a pod that is there and has nothing in it yet, the sandbox is the next cgroup that is made there")
  func existingEmpty() throws {
    let world = try NodeGateWorld()
    try world.make(Self.pod)
    try world.close()
    #expect(try world.isHeldBack(Self.pod))
  }

  @Test("a gate that the daemon closed before stays as it is")
  func daemonsGate() throws {
    let world = try NodeGateWorld()
    let id = try world.make(Self.pod)
    try world.make("\(Self.pod)/waits")
    try world.gate.gates.set(id, .closed, sandbox: SandboxEntry(firstChild: .noProcess))
    #expect(try world.close().entered == [])
    #expect(world.start(in: "\(Self.pod)/waits") == "killed")
    #expect(try world.gate.gates.sandbox(id)?.firstChild == .noProcess)
  }

  @Test("an exempt pod that is there is free, and is told")
  func existingExempt() throws {
    let world = try NodeGateWorld()
    let pod = "pod\(NodeGateWorld.staticUID)"
    try world.make(pod)
    try world.make(Self.pod)
    world.wanted.exemptStaticPods = ["*"]
    let outcome = try world.close()
    #expect(outcome.exempt == ["\(world.parent)/\(pod)"] && outcome.entered.count == 2)
    #expect(try world.state(pod) == .free && world.state(Self.pod) == .closed)
  }

  @Test("a cgroup beside the pods that is none is refused by its name before anything is closed")
  func forgottenParent() throws {
    let world = try NodeGateWorld()
    try world.make("besteffort")
    let error = #expect(throws: EnforcementError.self) { try world.close() }
    let text = "\(world.parent)/besteffort is no pod's cgroup; name it among nodeGate.parents"
    #expect("\(error.map { "\($0)" } ?? "")".contains(text))
    #expect(try !world.gate.isClosed && world.state("") == nil)
    world.wanted.parents.append("\(world.parent)/besteffort")
    try world.close()
    #expect(try world.gate.isClosed)
  }

  @Test("closing what is closed changes nothing")
  func twice() throws {
    let world = try NodeGateWorld()
    try world.close()
    try world.make(Self.pod)
    #expect(try world.close() == NodeGateClosing.Outcome())
    #expect(try world.isHeldBack(Self.pod))
    #expect(try world.gate.parents() == world.wanted.parents)
  }

  @Test("it is done when nothing of it is missing: neither names nor what a closing that was killed left open")
  func done() throws {
    let world = try NodeGateWorld()
    #expect(try !world.closing.isDone(world.wanted))
    try world.gate.name(parents: world.wanted.parents, exempt: [])
    #expect(try !world.closing.isDone(world.wanted), "killed after the names were written")
    try world.gate.gates.setParent(try world.id(""), .newParent)
    #expect(try !world.closing.isDone(world.wanted), "killed while pods were entered")
    try world.make("pod1")
    try world.close()
    #expect(try world.closing.isDone(world.wanted))
    world.wanted.exemptStaticPods = ["*"]
    #expect(try !world.closing.isDone(world.wanted))
    try world.close()
    world.wanted.parents.removeLast()
    #expect(try !world.closing.isDone(world.wanted))
  }

  @Test("a parent that is no longer named gates no new pod; one that is named anew does, also where there are 16 each")
  func otherParents() throws {
    let world = try NodeGateWorld()
    let most = NodeConfiguration.NodeGate.parentsMax
    let others = (0..<most).map { "\(world.parent)/parent\($0)" }
    world.wanted.parents = [world.parent] + others.dropLast()
    try world.make("parent0")
    try world.close()
    world.wanted.parents = (0..<most).map { "\(world.parent)/parent0/p\($0)" }
    try world.make("parent0/p0")
    try world.close()
    #expect(try world.gate.parents() == world.wanted.parents.sorted())
    for path in ["", "parent0"] { #expect(try world.state(path) == nil) }
    #expect(try world.state("parent0/p0") == .parent)
    try world.make(Self.pod)
    #expect(try world.state(Self.pod) == nil)
  }

  @Test("a path as long as can be is a parent, and the longer ones below it are none")
  func longPath() throws {
    let world = try NodeGateWorld()
    let length = NodeConfiguration.NodeGate.parentMaxBytes - world.parent.utf8.count - 1
    let name = String(repeating: "a", count: length)
    world.wanted.parents.append("\(world.parent)/\(name)")
    try world.close()
    try world.make(name)
    #expect(try world.state(name) == .parent)
    try world.make("\(name)/\(Self.pod)")
    #expect(try world.state("\(name)/\(Self.pod)") == .closed)
  }

  @Test("opened for good, new pods have no gate, and those that are there keep theirs")
  func open() throws {
    let world = try NodeGateWorld()
    world.wanted.exemptStaticPods = ["*"]
    try world.close()
    try world.make(Self.pod)
    try world.closing.open()
    #expect(try !world.gate.isClosed && world.gate.exempt() == [])
    #expect(try world.state("") == nil && world.state(Self.pod) == .closed)
    #expect(world.start(in: "") == "ran")
    try world.make("pod2")
    #expect(try world.state("pod2") == nil)
  }

  @Test("an opening that was cut short leaves it closed, and the next one ends it")
  func halfOpened() throws {
    let world = try NodeGateWorld()
    try world.close()
    // What is named is gone, and what is gated is not.
    #expect(throws: BPFError.self) {
      try world.gate.forgetParents { () throws(BPFError) in throw .unavailable("the opening was cut short") }
    }
    #expect(try world.gate.parents() == [] && !world.closing.isWhole)
    #expect(try world.gate.isClosed && world.start(in: "") == "killed")
    try world.closing.open()
    #expect(try !world.gate.isClosed && world.state("") == nil)
    #expect(world.start(in: "") == "ran")
  }

  @Test("a closing that was cut short before it let go of former parents is not done")
  func formerParents() throws {
    let world = try NodeGateWorld()
    try world.close()
    world.wanted.parents.removeFirst()
    try world.gate.name(parents: world.wanted.parents, exempt: [])
    #expect(try world.state("") == .parent && !world.closing.isDone(world.wanted))
    try world.close()
    #expect(try world.state("") == nil && world.closing.isDone(world.wanted))
  }

  @Test(
    "it is not closed where a tier cannot hold it",
    arguments: [
      (TierClaim(tier: .none, reason: "why"), "this node has tier none, by which no program is held back: why"),
      (TierClaim(tier: .signal, execProblem: "why"), "a program can get past tier signal here: why"),
      (TierClaim(tier: .signal), nil), (TierClaim(tier: .lsm), nil),
    ] as [(TierClaim, String?)])
  func tiers(claim: TierClaim, problem: String?) { #expect(NodeGateClosing.problem(claim) == problem) }

  @Test("a closing that fails on the way takes back what it did")
  func failed() throws {
    let world = try NodeGateWorld()
    let id = try world.make(Self.pod)
    var (next, last) = (UInt64(1) << 40, UInt64(1) << 40)
    defer { for id in (UInt64(1) << 40)..<last { try? world.gate.gates.remove(CgroupID(id)) } }
    #expect(throws: BPFError.self) {
      while true {
        try world.gate.gates.set(CgroupID(last), .closed)
        last += 1
      }
    }
    // Room for so many: none, the parent, and the pod; the second parent is too much.
    try world.make("burstable")
    for _ in 0..<3 {
      let error = #expect(throws: EnforcementError.self) { try world.close() }
      #expect("\(error.map { "\($0)" } ?? "")".contains("is full: \(STOCKADE_GATES_MAX) elements"))
      #expect(try !world.gate.isClosed && world.gate.parents() == [])
      #expect(try world.state("") == nil && world.gate.gates.state(id) == nil)
      try world.gate.gates.remove(CgroupID(next))
      next += 1
    }
    try world.close()
    #expect(try world.gate.isClosed && world.closing.isDone(world.wanted))
  }

  // MARK: Records

  @Test("of more records than there is room for the newest are kept, and those before are counted")
  func records() throws {
    let gate = try NodeGateWorld().gate
    _ = try gate.takeRecords()
    let room = Int(STOCKADE_GATE_RECORDS), more = 6
    func record(_ number: Int) -> NodeGate.Record {
      NodeGate.Record(
        timeNanoseconds: Int64(number), act: .freed, user: number % 2 == 0 ? nil : 0,
        pod: "/kubepods/pod\(number)", reason: "number \(number)")
    }
    for number in 0..<room + more { try gate.keep(record(number)) }
    let (found, lost) = try gate.takeRecords()
    #expect(found == (more..<room + more).map(record) && lost == UInt64(more))
    #expect(try gate.takeRecords().records == [])
    try gate.keep(record(7))
    let (next, none) = try gate.takeRecords()
    #expect(next == [record(7)] && none == 0)
  }

  @Test("two that keep records at the same moment lose none")
  func writers() async throws {
    let world = try NodeGateWorld()
    let gates = [world.gate, try #require(try NodeGate.pinned(in: world.bench.folder))]
    _ = try world.gate.takeRecords()
    let each = Int(STOCKADE_GATE_RECORDS) / 2
    try await withThrowingTaskGroup(of: Void.self) { group in
      for gate in gates {
        group.addTask {
          for number in 0..<each {
            try gate.keep(
              NodeGate.Record(timeNanoseconds: Int64(number), act: .freed, user: 0, reason: "a test"))
          }
        }
      }
      try await group.waitForAll()
    }
    let (found, lost) = try world.gate.takeRecords()
    #expect(found.count == 2 * each && lost == 0)
  }

  @Test("what does not fit a record is cut off, within a character too")
  func longRecord() throws {
    let gate = try NodeGateWorld().gate
    _ = try gate.takeRecords()
    let reason = String(repeating: "é", count: 200)
    try gate.keep(
      NodeGate.Record(timeNanoseconds: 1, act: .openedFor, untilNanoseconds: 2, user: 5, reason: reason))
    let kept = try #require(try gate.takeRecords().records.first)
    #expect(kept.reason.hasPrefix(String(repeating: "é", count: 127)) && kept.reason.count <= 128)
    #expect(kept.untilNanoseconds == 2 && kept.user == 5 && kept.pod == "")
  }
}
