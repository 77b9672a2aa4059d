import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import Policy
import Synchronization
import System
import Testing

/// The network programs, loaded once for all tests, with their pins on a bpf file system that nobody else sees.
final class NetworkBench: Sendable {
  static let cgroupRoot =
    Files.exists("/sys/fs/cgroup/unified/cgroup.procs") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup"
  static let isPossible = geteuid() == 0 && Files.exists("\(cgroupRoot)/cgroup.procs")
  static let why: Comment = "needs root and cgroup v2"

  private static let loaded = Mutex<NetworkBench?>(nil)

  static func shared() throws -> NetworkBench {
    try loaded.withLock {
      if $0 == nil { $0 = try NetworkBench() }
      return $0!
    }
  }

  let maps: SharedMaps
  let programs: NetworkPrograms
  let tables: NetworkTables
  let folder: String
  private let mount: FileDescriptor
  private let revisions = Atomic<UInt64>(1)
  private let events = EventLog()

  init() throws {
    mount = try Self.bpfFileSystem()
    folder = "/proc/self/fd/\(mount.number)"
    maps = SharedMaps(folder: folder)
    programs = try NetworkPrograms(shared: maps, pinFolder: folder, rootCgroupPath: Self.cgroupRoot)
    tables = try NetworkTables(shared: maps)
    try events.open(map("events"))
  }

  /// Mounted nowhere: it ends with its descriptor, and with it every pin.
  static func bpfFileSystem() throws -> FileDescriptor {
    let context = FileDescriptor(owning: try call("open a bpf file system") { fsopen("bpf", UInt32(FSOPEN_CLOEXEC)) })
    try call("make a bpf file system") { fsconfig(context.number, FSCONFIG_CMD_CREATE.rawValue, nil, nil, 0) }
    return FileDescriptor(
      owning: try call("mount a bpf file system") { fsmount(context.number, UInt32(FSMOUNT_CLOEXEC), 0) })
  }

  func map(_ name: String) throws -> Int32 { try maps.descriptor(name)!.number }

  func nextRevision() -> Revision { Revision(revisions.add(1, ordering: .relaxed).oldValue) }

  func update<Key: BitwiseCopyable, Value: BitwiseCopyable>(_ name: String, _ key: Key, _ value: Value) throws {
    let (map, key, value) = (try map(name), [key], [value])
    try call("update \(name)") { bpf_map_update_elem(map, key, value, 0) }
  }

  func remove<Key: BitwiseCopyable>(_ name: String, _ key: Key) throws {
    let map = try map(name)
    _ = bpf_map_delete_elem(map, [key])
  }

  func events(of cgroupID: CgroupID) -> [stockade_event] { events.drain().filter { $0.cgroup_id == cgroupID.number } }

  func counter(_ index: Int) throws -> UInt64 {
    var values = [UInt64](repeating: 0, count: Int(libbpf_num_possible_cpus()))
    var key = UInt32(index)
    let map = try map("counters")
    try call("read counters") { bpf_map_lookup_elem(map, &key, &values) }
    return values.reduce(0, +)
  }

  /// Ids of the programs that are attached to the cgroup for one hook.
  func programIDs(_ cgroupPath: String, _ type: bpf_attach_type) throws -> [UInt32] {
    let cgroup = try FileDescriptor(open: cgroupPath, O_RDONLY | O_DIRECTORY)
    var ids = [UInt32](repeating: 0, count: 64)
    var count = UInt32(ids.count)
    try call("query \(cgroupPath)") { bpf_prog_query(cgroup.number, type, 0, nil, &ids, &count) }
    return Array(ids.prefix(Int(count)))
  }

  /// The cgroup that a pinned link is attached to; 0: the kernel has detached it, since that cgroup was removed.
  func cgroupID(ofLink pin: String) throws -> CgroupID {
    let link = FileDescriptor(owning: try call("open \(pin)") { bpf_obj_get(pin) })
    var info = bpf_link_info()
    var size = UInt32(MemoryLayout<bpf_link_info>.size)
    try call("inspect \(pin)") { bpf_obj_get_info_by_fd(link.number, &info, &size) }
    return CgroupID(info.cgroup.cgroup_id)
  }

  /// The table of a container's flows; nil: it has none.
  func flows(of cgroupID: CgroupID) throws -> FileDescriptor? {
    let map = try map("flows")
    var key = cgroupID, table: UInt32 = 0
    if bpf_map_lookup_elem(map, &key, &table) < 0 { return nil }
    return FileDescriptor(owning: try call("open a table of flows") { bpf_map_get_fd_by_id(table) })
  }

  /// Sets back the time at which the container's flows were last used: the first 8 bytes of a value.
  func ageFlows(of cgroupID: CgroupID, seconds: Int) throws {
    guard let table = try flows(of: cgroupID) else { return }
    let map = table.number
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let old = UInt64(now.tv_sec - seconds) * 1_000_000_000 + UInt64(now.tv_nsec)
    var key: [UInt8]?
    var next = [UInt8](repeating: 0, count: 24)
    while bpf_map_get_next_key(map, key, &next) == 0 {
      key = next
      var value = [UInt8](repeating: 0, count: 24)
      try call("read a flow") { bpf_map_lookup_elem(map, next, &value) }
      value.withUnsafeMutableBytes { $0.storeBytes(of: old, as: UInt64.self) }
      try call("age a flow") { bpf_map_update_elem(map, next, value, 0) }
    }
  }

  /// Entries of all four tries.
  func prefixes(of revision: Revision) throws -> Int {
    var found = 0
    for (name, size) in [("egress4", 16), ("ingress4", 16), ("egress6", 28), ("ingress6", 28)] {
      let map = try map(name)
      var key: [UInt8]?
      var next = [UInt8](repeating: 0, count: size)
      while bpf_map_get_next_key(map, key, &next) == 0 {
        if next.withUnsafeBytes({ $0.loadUnaligned(fromByteOffset: 4, as: UInt64.self) }) == revision.number {
          found += 1
        }
        key = next
      }
    }
    return found
  }
}

/// Everything that came through the ring buffer.
private final class EventLog: Sendable {
  private struct Ring: @unchecked Sendable { var pointer: OpaquePointer }
  private let ring = Mutex<Ring?>(nil)
  private let received = Mutex<[stockade_event]>([])

  func open(_ map: Int32) throws {
    let context = Unmanaged.passUnretained(self).toOpaque()
    let pointer = ring_buffer__new(
      map,
      { context, data, size in
        let log = Unmanaged<EventLog>.fromOpaque(context!).takeUnretainedValue()
        log.received.withLock { $0.append(data!.loadUnaligned(as: stockade_event.self)) }
        return 0
      }, context, nil)
    guard let pointer else { throw Errno(errno, "open the ring buffer") }
    let opened = Ring(pointer: pointer)
    ring.withLock { $0 = opened }
  }

  deinit { ring.withLock { if let ring = $0 { ring_buffer__free(ring.pointer) } } }

  func drain() -> [stockade_event] {
    ring.withLock { if let ring = $0 { _ = ring_buffer__consume(ring.pointer) } }
    return received.withLock { $0 }
  }
}
