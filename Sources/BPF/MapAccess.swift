import CBPF
import Glibc
import System

/// Typed access to a map's elements. Keys and values are the fixed-width structs of bpf/include/stockade.h.
struct MapAccess<Key: BitwiseCopyable, Value: BitwiseCopyable>: Sendable {
  let name: String
  let descriptor: FileDescriptor

  /// nil: there is no such element.
  func value(_ key: Key, zero: Value) throws(BPFError) -> Value? {
    var key = key
    var value = zero
    if bpf_map_lookup_elem(descriptor.number, &key, &value) == 0 { return value }
    if errno == ENOENT { return nil }
    throw .system(Errno(errno, "read the map \(name)"))
  }

  func set(_ key: Key, _ value: Value) throws(BPFError) {
    var key = key
    var value = value
    try bpf("write the map \(name)") { bpf_map_update_elem(descriptor.number, &key, &value, UInt64(BPF_ANY)) }
  }

  /// Missing is success.
  func remove(_ key: Key) throws(BPFError) {
    var key = key
    if bpf_map_delete_elem(descriptor.number, &key) < 0, errno != ENOENT {
      throw .system(Errno(errno, "remove from the map \(name)"))
    }
  }

  /// All keys, as far as nobody else adds or removes some meanwhile.
  func keys(zero: Key) throws(BPFError) -> [Key] {
    var keys: [Key] = []
    var next = zero
    while true {
      let result =
        if var last = keys.last { bpf_map_get_next_key(descriptor.number, &last, &next) } else {
          bpf_map_get_next_key(descriptor.number, nil, &next)
        }
      if result < 0 {
        if errno == ENOENT { return keys }
        throw .system(Errno(errno, "list the map \(name)"))
      }
      keys.append(next)
    }
  }
}
