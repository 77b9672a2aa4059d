import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import Policy
import System
import Testing

/// What an earlier Stockade of another layout pinned is taken over, or not touched.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why), .serialized)
struct FormerPinsTests {
  /// A process that left its container, as programs of before remember it: `bench` stands for the Stockade of before.
  private struct Former {
    let bench: ExecBench
    let world: ExecWorld
    var stray: UInt32 { UInt32(world.actor.processID) }

    init() throws {
      bench = try ExecBench()
      world = try ExecWorld(bench)
      try world.apply(.section(.allow))
      world.become()
      world.run("join('\(NetworkBench.cgroupRoot)')")
      rmdir("\(bench.folder)/layout_2")
      try pin("strays", BPF_MAP_TYPE_HASH, key: 4, value: 8, elements: 8192, row: (stray, world.cgroupID.number))
      try pin("counters", BPF_MAP_TYPE_PERCPU_ARRAY, key: 4, value: 8, elements: 6)
      unlink("\(bench.folder)/stray_counts")
    }

    func pin(_ name: String, _ type: bpf_map_type, key: UInt32, value: UInt32, elements: UInt32) throws {
      try pin(name, type, key: key, value: value, elements: elements, row: (UInt32, UInt64)?.none)
    }

    func pin<Key: BitwiseCopyable>(
      _ name: String, _ type: bpf_map_type, key: UInt32, value: UInt32, elements: UInt32, row: (Key, UInt64)?
    ) throws {
      let path = "\(bench.folder)/\(name)"
      let map = FileDescriptor(
        owning: try call("make the map \(name)") { bpf_map_create(type, name, key, value, elements, nil) })
      if let row { try call("write a row") { bpf_map_update_elem(map.number, [row.0], [row.1], 0) } }
      unlink(path)
      try call("pin \(path)") { bpf_obj_pin(map.number, path) }
    }

    func takeOver() throws -> PolicyMaps {
      try PolicyMaps(pinFolder: bench.folder, runtimeMountNamespace: try ExecBench.mountNamespace())
    }

    /// Every pin, with the number of the map or link behind it.
    func pins() throws -> [String: UInt32] {
      var found: [String: UInt32] = [:]
      for folder in ["", "links/", "former/", "former/links/"] {
        for name in (try? Files.names(in: "\(bench.folder)/\(folder)")) ?? [] {
          let path = "\(bench.folder)/\(folder)\(name)"
          found[folder + name] = 0
          if try Files.status(path).st_mode & S_IFMT == S_IFDIR { continue }
          let object = FileDescriptor(owning: try call("open \(path)") { bpf_obj_get(path) })
          // Of a map and a link alike, a number is among the first 8 bytes.
          var information = [UInt32](repeating: 0, count: 64), size = UInt32(256)
          try call("inspect \(path)") { bpf_obj_get_info_by_fd(object.number, &information, &size) }
          found[folder + name] = information[1]
        }
      }
      return found
    }
  }

  private func mark(
    of actor: PythonActor, _ policy: PolicyMaps
  ) throws -> (mark: stockade_mark, map: Int32, process: FileDescriptor) {
    let map = try #require(try policy.shared.descriptor("marks")).number
    let process = try ProcessHandle(pid: actor.processID).file
    var key = process.number, mark = stockade_mark()
    try call("read the mark") { bpf_map_lookup_elem(map, &key, &mark) }
    return (mark, map, process)
  }

  private func stray(_ process: UInt32, _ policy: PolicyMaps) throws -> stockade_stray? {
    let map = try #require(try policy.shared.descriptor("strays")).number
    var key = process, found = stockade_stray()
    return bpf_map_lookup_elem(map, &key, &found) == 0 ? found : nil
  }

  private func share(_ cgroupID: CgroupID, _ policy: PolicyMaps) throws -> UInt32? {
    let map = try #require(try policy.shared.descriptor("stray_counts")).number
    var key = cgroupID, found: UInt32 = 0
    return bpf_map_lookup_elem(map, &key, &found) == 0 ? found : nil
  }

  @Test("processes that left their containers are known on, with their shares and start, and those of containers gone")
  func strays() throws {
    let former = try Former()
    try former.bench.policy.removeContainer(former.world.cgroupID)
    let policy = try former.takeOver()
    let found = try #require(try stray(former.stray, policy))
    #expect(found.cgroup_id == former.world.cgroupID.number)
    let ticks = try ProcessStat.startTicks(in: "/proc/\(former.stray)")
    #expect(found.start_ns / 10_000_000 == ticks)
    #expect(try share(former.world.cgroupID, policy) == 1)
    #expect(try policy.hasStrays())
  }

  @Test("a container without strays has a share, so that what leaves it is not killed")
  func shares() throws {
    let former = try Former()
    former.world.run("join('\(former.world.cgroupPath)')")
    let policy = try former.takeOver()
    #expect(try stray(former.stray, policy) == nil)
    #expect(try share(former.world.cgroupID, policy) == 0)
    #expect(former.world.run("join('\(NetworkBench.cgroupRoot)')") == "ok")
    #expect(try stray(former.stray, policy) != nil)
  }

  @Test("what a marked task executes was judged")
  func judged() throws {
    let former = try Former()
    var (found, map, handle) = try mark(of: former.world.actor, former.bench.policy)
    defer { withExtendedLifetime(handle) {} }
    var process = handle.number
    found.judged_exec = 0
    try call("write the mark") { bpf_map_update_elem(map, &process, &found, 0) }
    let policy = try former.takeOver()
    let after = try mark(of: former.world.actor, policy).mark
    #expect(after.judged_exec != 0)
    #expect(after.stray == 1)
  }

  @Test("old programs that write what others read go on until everything is replaced; then nothing of before is left")
  func programs() throws {
    let former = try Former()
    let before = try former.pins()
    let policy = try former.takeOver()
    let meanwhile = try former.pins()
    for name in ["mark_fork", "mark_move", "mark_exit"] {
      #expect(meanwhile["former/links/\(name)"] == before["links/\(name)"])
      #expect(meanwhile["links/\(name)"] != before["links/\(name)"])
    }
    #expect(meanwhile["former/strays"] == before["strays"])
    try policy.endTakeOver(isComplete: true)
    let after = try former.pins()
    #expect(!after.keys.contains { $0.hasPrefix("former") })
    #expect(after["layout_2"] == 0)
    #expect(after["links/mark_move"] == meanwhile["links/mark_move"])
    // The maps of the same shape are the ones that were there.
    for name in ["containers", "marks", "policies", "entrypoints"] { #expect(after[name] == before[name]) }
  }

  @Test("a take-over that was cut short is gone on with, and the links of before stay those")
  func cutShort() throws {
    let former = try Former()
    let before = try former.pins()
    _ = try former.takeOver()
    let policy = try former.takeOver()
    let meanwhile = try former.pins()
    #expect(meanwhile["former/links/mark_move"] == before["links/mark_move"])
    #expect(try stray(former.stray, policy) != nil)
    #expect(try share(former.world.cgroupID, policy) == 1)
    try policy.endTakeOver(isComplete: true)
    #expect(try !former.pins().keys.contains { $0.hasPrefix("former") })
  }

  @Test("it can be cut short between any two links and maps")
  func cutShortBetween() throws {
    let former = try Former()
    let before = try former.pins()
    for folder in ["former", "former/links"] { try Files.makeFolder("\(former.bench.folder)/\(folder)") }
    for name in ["links/mark_fork", "counters"] {
      try call("rename") { rename("\(former.bench.folder)/\(name)", "\(former.bench.folder)/former/\(name)") }
    }
    let policy = try former.takeOver()
    let meanwhile = try former.pins()
    for name in ["mark_fork", "mark_move"] { #expect(meanwhile["former/links/\(name)"] == before["links/\(name)"]) }
    #expect(try stray(former.stray, policy) != nil)
  }

  @Test("a shape that nobody knows is refused before anything is touched")
  func unknownShape() throws {
    let former = try Former()
    try former.pin("rate", BPF_MAP_TYPE_HASH, key: 8, value: 24, elements: 4096)
    let before = try former.pins()
    let error = #expect(throws: BPFError.self) { try former.takeOver() }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains("/rate: expected type 9, key of 8 bytes, value of 16, 4096 entries"))
    #expect(text.contains("found type 1, key of 8 bytes, value of 24, 4096 entries"))
    #expect(text.contains("takes over the layouts of version 0.1.0 and later"))
    #expect(try former.pins() == before)
  }

  @Test("a newer layout is refused before anything is touched")
  func newer() throws {
    let former = try Former()
    try Files.makeFolder("\(former.bench.folder)/layout_3")
    let before = try former.pins()
    let error = #expect(throws: BPFError.self) { try former.takeOver() }
    #expect(error.map { "\($0)" }?.contains("have layout 3, and this Stockade knows layouts up to 2") == true)
    #expect(try former.pins() == before)
  }

  @Test("the first start writes the layout down, and the next one takes all as it is")
  func current() throws {
    let bench = try ExecBench()
    #expect(Files.exists("\(bench.folder)/layout_2"))
    let policy = try PolicyMaps(pinFolder: bench.folder, runtimeMountNamespace: try ExecBench.mountNamespace())
    #expect(!Files.exists("\(bench.folder)/former"))
    try policy.endTakeOver(isComplete: true)
  }

  @Test("a container's flows are its own, also where all had one table")
  func flows() throws {
    let world = try NetworkWorld(ownBench: true)
    try Files.makeFolder("\(world.bench.folder)/links/\(world.cgroupID)")
    defer { rmdir("\(world.bench.folder)/links/\(world.cgroupID)") }
    let table = FileDescriptor(
      owning: try call("make a table") { bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "flows", 32, 24, 65536, nil) })
    let flow: [UInt64] = [11, 12, 13]
    for (cgroupID, address) in [(world.cgroupID.number, UInt64(7)), (world.cgroupID.number, 8), (1, 9)] {
      let key: [UInt64] = [cgroupID, address, 0, 5]
      try call("write a flow") { bpf_map_update_elem(table.number, key, flow, 0) }
    }
    #expect(try world.bench.programs.adopt(flowsOfBefore: table) == [world.cgroupID])
    let own = try #require(try world.bench.flows(of: world.cgroupID))
    for (address, isThere) in [(UInt64(7), true), (8, true), (9, false)] {
      var found: [UInt64] = [0, 0, 0]
      #expect((bpf_map_lookup_elem(own.number, [address, 0, 5], &found) == 0) == isThere)
      if isThere { #expect(found == flow) }
    }
  }
}
