import CBPF
import System

/// What decides whether a pinned map can be used by this version's programs.
package struct MapShape: Equatable, CustomStringConvertible, Sendable {
  /// `enum bpf_map_type`.
  var type: UInt32
  var keyBytes: UInt32
  var valueBytes: UInt32
  var elements: UInt32

  init(type: bpf_map_type, key: UInt32, value: UInt32, elements: UInt32) {
    (self.type, keyBytes, valueBytes, self.elements) = (type.rawValue, key, value, elements)
  }

  /// The shape of a map in an object that was opened.
  init(declared map: OpaquePointer) {
    self.init(
      type: bpf_map__type(map), key: bpf_map__key_size(map), value: bpf_map__value_size(map),
      elements: bpf_map__max_entries(map))
  }

  /// The shape of a map in the kernel. BPF_OBJ_GET_INFO_BY_FD.
  init(of map: FileDescriptor, named name: String) throws(BPFError) {
    var found = bpf_map_info()
    var size = UInt32(MemoryLayout<bpf_map_info>.size)
    try bpf("inspect the map \(name)") { bpf_obj_get_info_by_fd(map.number, &found, &size) }
    self.init(
      type: bpf_map_type(found.type), key: found.key_size, value: found.value_size, elements: found.max_entries)
  }

  package var description: String {
    "type \(type), key of \(keyBytes) bytes, value of \(valueBytes), \(elements) entries"
  }
}
