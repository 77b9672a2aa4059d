import CBPF
import CStockade
import System

/// Each container has its own table of flows, in the map `flows`. So what one container sends evicts no flow of
/// another.
struct FlowTables: Sendable {
  /// `struct flow_key` and `struct flow` of bpf/lib/network_maps.bpf.h.
  private static let (keyBytes, valueBytes): (UInt32, UInt32) = (24, 24)
  private let tables: MapAccess<CgroupID, UInt32>

  init(_ map: FileDescriptor) { tables = MapAccess(name: "flows", descriptor: map) }

  /// Does nothing if the container has a table already.
  func add(_ cgroupID: CgroupID) throws(BPFError) {
    if try tables.value(cgroupID, zero: 0) != nil { return }
    let made = try bpf("make the table of flows of cgroup \(cgroupID)") {
      bpf_map_create(
        BPF_MAP_TYPE_LRU_HASH, "flow_table", Self.keyBytes, Self.valueBytes, UInt32(STOCKADE_FLOWS_OF_CONTAINER_MAX),
        nil)
    }
    let table = FileDescriptor(owning: made)
    try tables.add(cgroupID, UInt32(table.number))
  }

  func remove(_ cgroupID: CgroupID) throws(BPFError) { try tables.remove(cgroupID) }

  func remove(except cgroupIDs: [CgroupID]) throws(BPFError) {
    let kept = Set(cgroupIDs)
    for key in try tables.keys(zero: CgroupID(0)) where !kept.contains(key) { try tables.remove(key) }
  }

  /// `struct flow_key` and `struct flow`; an earlier layout had the cgroup's id before the key.
  private struct FlowKey { var words: (UInt64, UInt64, UInt64) = (0, 0, 0) }
  private struct FormerKey {
    var cgroupID = CgroupID(0)
    var key = FlowKey()
  }
  private struct Flow { var words: (UInt64, UInt64, UInt64) = (0, 0, 0) }

  /// Gives containers that have a table their flows, from the one table of an earlier layout. If a container has more
  /// flows than a table holds, the kernel forgets others, as always.
  func takeOver(_ former: FileDescriptor) throws(BPFError) {
    let known = MapAccess<FormerKey, Flow>(name: "flows of before", descriptor: former)
    let found = try known.elements(zero: (FormerKey(), Flow()))
    for (cgroupID, flows) in Dictionary(grouping: found, by: \.key.cgroupID) {
      guard let number = try tables.value(cgroupID, zero: 0) else { continue }
      let table = MapAccess<FlowKey, Flow>(name: "flows of cgroup \(cgroupID)", descriptor: try Self.table(number))
      for (key, flow) in flows { try table.add(key.key, flow) }
    }
  }

  /// BPF_MAP_GET_FD_BY_ID.
  private static func table(_ number: UInt32) throws(BPFError) -> FileDescriptor {
    FileDescriptor(owning: try bpf("open the table of flows \(number)") { bpf_map_get_fd_by_id(number) })
  }
}
