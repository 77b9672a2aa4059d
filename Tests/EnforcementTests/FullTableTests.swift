import BPF
import CStockade
import EnforcementTesting
import Glibc
import Policy
import System
import Testing

@testable import Enforcement

/// What happens where the kernel has no room for one more container.
@Suite(.enabled(if: EnforcerWorld.isPossible, "needs root and cgroup v2: a process must be put in a cgroup"))
struct FullTableTests {
  @Test("a container that can neither be confined nor closed has its processes killed", arguments: [false, true])
  func killed(isBelow: Bool) throws {
    let world = try EnforcerWorld()
    if isBelow { try world.moves(below: "container") }
    world.kernel.refuse("open", "close")
    let start = world.start()
    #expect(throws: EnforcementError.self) {
      try world.activateOrRefuse(start, profile: Profile(name: "p", file: "p.yaml"), expectsFilter: false)
    }
    #expect(world.hasEnded(within: .seconds(5)))
    #expect(world.kernel.rows.isEmpty)
    world.kernel.refuse()
    world.ends()
    #expect(try world.enforcer.release("c1"))
  }

  @Test("a cgroup that the container's process is not in is left alone")
  func anothers() throws {
    let world = try EnforcerWorld()
    world.kernel.refuse("close")
    var start = world.start()
    start.pid = UInt32(getpid())
    let why = world.enforcer.close(start)
    #expect(why?.hasSuffix("its process is not in its cgroup, so nothing could be done") == true)
    #expect(!world.hasEnded(within: .milliseconds(20)))
  }

  @Test("a full table is told by its name, its limit and what to do")
  func named() throws {
    #expect(
      "\(BPFError.tableFull(map: "containers", limit: 16384))"
        == "the kernel's table containers is full: 16384 elements are all that this node has; move pods to another node"
    )
    #expect("\(BPFError.tableFull(map: "path_rules", limit: 1))".hasSuffix("or profiles with fewer rules"))
  }

  @Test(
    "the kernel's own table is full with as many as its limit says, and a container that is in it can still be closed",
    .enabled(if: ExecBench.isPossible, ExecBench.why))
  func kernels() throws {
    let policy = try ExecBench().policy
    func put(_ id: CgroupID, _ state: ContainerEntry.State) throws(BPFError) {
      try policy.put(
        ContainerEntry(cgroupID: id, revision: nil, state: state))
    }
    // No cgroup has such an id.
    let first = UInt64(1) << 40
    let limit = UInt64(STOCKADE_CONTAINERS_MAX)
    for id in first..<first + limit { try put(CgroupID(id), .open) }
    let error = #expect(throws: BPFError.self) { try put(CgroupID(first + limit), .closed) }
    let text = error.map { "\($0)" } ?? ""
    #expect(
      text.hasPrefix("the kernel's table stray_counts is full: \(limit) elements") && text.hasSuffix("another node"))
    try put(CgroupID(first), .closed)
    #expect(try policy.container(CgroupID(first))?.state == .closed)
    try policy.removeContainer(CgroupID(first + 1))
    try put(CgroupID(first + limit), .closed)
  }
}
