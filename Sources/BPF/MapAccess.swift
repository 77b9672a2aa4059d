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
    if bpf_map_update_elem(descriptor.number, &key, &value, UInt64(BPF_ANY)) < 0 { throw writeError(errno) }
  }

  /// For a full hash table, the kernel says E2BIG.
  private func writeError(_ code: Int32) -> BPFError {
    code == E2BIG ? tableFullError(name, descriptor) : .system(Errno(code, "write the map \(name)"))
  }

  /// A missing element is success.
  func remove(_ key: Key) throws(BPFError) {
    var key = key
    if bpf_map_delete_elem(descriptor.number, &key) < 0, errno != ENOENT {
      throw .system(Errno(errno, "remove from the map \(name)"))
    }
  }

  func isEmpty(zero: Key) throws(BPFError) -> Bool {
    var first = zero
    if bpf_map_get_next_key(descriptor.number, nil, &first) == 0 { return false }
    if errno == ENOENT { return true }
    throw .system(Errno(errno, "list the map \(name)"))
  }

  /// Adds an element. An element that is already there stays as it is.
  func add(_ key: Key, _ value: Value) throws(BPFError) {
    var key = key
    var value = value
    if bpf_map_update_elem(descriptor.number, &key, &value, UInt64(BPF_NOEXIST)) < 0, errno != EEXIST {
      throw writeError(errno)
    }
  }

  /// Replaces an element. A missing element stays missing.
  func replace(_ key: Key, _ value: Value) throws(BPFError) {
    var key = key
    var value = value
    if bpf_map_update_elem(descriptor.number, &key, &value, UInt64(BPF_EXIST)) < 0, errno != ENOENT {
      throw writeError(errno)
    }
  }

  /// Removes an element and returns it; nil: there is none.
  func take(_ key: Key, zero: Value) throws(BPFError) -> Value? {
    var key = key
    var value = zero
    if bpf_map_lookup_and_delete_elem(descriptor.number, &key, &value) == 0 { return value }
    if errno == ENOENT { return nil }
    throw .system(Errno(errno, "remove from the map \(name)"))
  }

  /// All elements of a hash table, each once, even if others add or remove elements meanwhile. Such elements may be in
  /// the list or not.
  func elements(zero: (key: Key, value: Value)) throws(BPFError) -> [(key: Key, value: Value)] {
    var found: [(key: Key, value: Value)] = []
    try batches(zero: zero) { keys, values, count in found += zip(keys, values).prefix(count).map { ($0, $1) } }
    return found
  }

  /// How many elements a hash table has.
  func count(zero: (key: Key, value: Value)) throws(BPFError) -> Int {
    var sum = 0
    try batches(zero: zero) { _, _, count in sum += count }
    return sum
  }

  /// BPF_MAP_LOOKUP_BATCH.
  private func batches(
    zero: (key: Key, value: Value), _ body: (_ keys: [Key], _ values: [Value], _ count: Int) -> Void
  ) throws(BPFError) {
    var position: UInt32?
    // More than there ever are in one bucket.
    var keys = [Key](repeating: zero.key, count: 1024)
    var values = [Value](repeating: zero.value, count: keys.count)
    while true {
      var count = UInt32(keys.count)
      var next: UInt32 = 0
      let result =
        if var here = position {
          bpf_map_lookup_batch(descriptor.number, &here, &next, &keys, &values, &count, nil)
        } else { bpf_map_lookup_batch(descriptor.number, nil, &next, &keys, &values, &count, nil) }
      if result < 0, errno != ENOENT { throw .system(Errno(errno, "list the map \(name)")) }
      body(keys, values, Int(count))
      if result < 0 { return }
      position = next
    }
  }

  /// All keys, if nobody else adds or removes elements meanwhile.
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

func tableFullError(_ name: String, _ map: FileDescriptor) -> BPFError {
  var info = bpf_map_info()
  var size = UInt32(MemoryLayout<bpf_map_info>.size)
  // A limit that cannot be found out is 0 in the message.
  _ = bpf_obj_get_info_by_fd(map.number, &info, &size)
  return .tableFull(map: name, limit: info.max_entries)
}
