import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import System
import Testing

/// What an attempt to load leaves that came to nothing.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why))
struct FailedLoadTests {
  private let mount: FileDescriptor
  private var folder: String { "/proc/self/fd/\(mount.number)/stockade" }

  init() throws {
    mount = try NetworkBench.bpfFileSystem()
    try Files.makeFolder("\(folder)/links")
  }

  /// A pinned map that no version can use.
  private func pin(_ name: String, holding key: UInt8? = nil) throws {
    let keyBytes = name == "gate_parents" ? MemoryLayout<stockade_cgroup_path>.size : 8
    let map = FileDescriptor(
      owning: try call("make a map") { bpf_map_create(BPF_MAP_TYPE_HASH, "test", UInt32(keyBytes), 4, 16, nil) })
    if let key {
      let bytes = [UInt8](repeating: key, count: keyBytes)
      try call("fill it") { bpf_map_update_elem(map.number, bytes, [UInt32(1)], 0) }
    }
    try call("pin it") { bpf_obj_pin(map.number, "\(folder)/\(name)") }
  }

  private func load() throws -> BPFBackend {
    try BPFBackend(
      pinFolder: folder, runtimeMountNamespace: UInt64(ExecBench.mountNamespace()),
      hierarchy: try CgroupHierarchy.current())
  }

  @Test("where nothing is bound nothing is left, and the next attempt succeeds")
  func unbound() throws {
    // No program can be pinned there.
    try Files.makeFolder("\(folder)/links/mark_move")
    let error = #expect(throws: BPFError.self) { try load() }
    #expect(error.map { "\($0)".contains("links/mark_move") } == true)
    #expect(!Files.exists(folder) && !NodeGate.isJudged(in: folder))
    let kernel = try load()
    #expect(NodeGate.isJudged(in: folder))
    #expect(NodeGate.canBePassed(in: folder) == (kernel.claim.execProblem != nil))
    try kernel.removeAll()
  }

  @Test("that a program can get past it is said beside the pins, and taken back")
  func passed() throws {
    let bench = try ExecBench()
    defer { withExtendedLifetime(bench) {} }
    for canPass in [true, true, false, false] {
      try bench.policy.note(execsCanPass: canPass)
      #expect(NodeGate.canBePassed(in: bench.folder) == canPass)
    }
  }

  @Test("pins of a layout that it does not know are not touched, whatever they bind")
  func unknownLayout() throws {
    try pin("containers")
    try pin("policies")
    let error = #expect(throws: BPFError.self) { try load() }
    #expect(error.map { "\($0)".contains("cannot use the pinned map") } == true)
    #expect(try Files.names(in: folder).sorted() == ["containers", "links", "policies"])
  }

  @Test(
    "what binds a container, and what holds one back, stays, whatever shape it has",
    arguments: ["containers", "strays", "gates", "gate_parents"])
  func bound(map: String) throws {
    try pin(map, holding: 7)
    try pin("policies")
    #expect(throws: BPFError.self) { try load() }
    #expect(Files.exists("\(folder)/\(map)") && Files.exists("\(folder)/policies"))
  }

  @Test("a gate and a node gate that are closed hold somebody back, also where no container is bound")
  func gates() throws {
    // Its pins are there as long as it.
    let bench = try ExecBench(), policy = bench.policy
    defer { withExtendedLifetime(bench) {} }
    #expect(policy.bindsNothing)
    try policy.setGate(7, .closed, sandbox: nil)
    #expect(!policy.bindsNothing)
    try policy.removeGate(7)
    #expect(policy.bindsNothing)
    try policy.nodeGate.name(parents: ["/nowhere/stockade-test"], exempt: [])
    #expect(!policy.bindsNothing)
  }

  @Test("what another process uses stays")
  func used() throws {
    try pin("containers")
    let other = try FileDescriptor(open: Files.folder(of: folder), O_RDONLY | O_DIRECTORY)
    try call("use the pins") { flock(other.number, LOCK_SH) }
    #expect(throws: BPFError.self) { try load() }
    #expect(Files.exists("\(folder)/containers"))
  }
}
