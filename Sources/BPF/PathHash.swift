import CBPF
import CStockade
import Glibc
import System

let hashKeysMap = "path_hash_keys"

/// The kernel's path hash, for the keys of `path_rules`: bpf/include/stockade.h says how and why.
struct PathHash: Sendable {
  private let keys: [UInt64]

  init(map: FileDescriptor) throws(BPFError) {
    keys = try readHashKeys(map)
  }

  /// - Parameter path: at most STOCKADE_RULE_PATH_MAX_BYTES.
  func callAsFunction(_ path: [UInt8]) -> UInt64 {
    zip(keys, path).reduce(UInt64(0)) { $0 &+ $1.0 &* UInt64($1.1) } >> 7
  }
}

private func readHashKeys(_ map: FileDescriptor) throws(BPFError) -> [UInt64] {
  var index: UInt32 = 0
  var keys = [UInt64](repeating: 0, count: Int(STOCKADE_RULE_PATH_MAX_BYTES))
  try bpf("read the path hash's keys") { bpf_map_lookup_elem(map.number, &index, &keys) }
  return keys
}

func fillHashKeys(_ map: FileDescriptor) throws(BPFError) {
  var index: UInt32 = 0
  var keys: [UInt64] = []
  for _ in 0..<STOCKADE_RULE_PATH_MAX_BYTES { keys.append(try randomKey()) }
  try bpf("write the path hash's keys") { bpf_map_update_elem(map.number, &index, keys, UInt64(BPF_ANY)) }
}

private func randomKey() throws(BPFError) -> UInt64 {
  var key: UInt64 = 0
  // The result is never cut short: once the generator is seeded, at most 256 bytes always come whole. getrandom(2).
  try bpf("get random bytes") { stockade_random(&key, UInt(MemoryLayout<UInt64>.size)) }
  return key
}
