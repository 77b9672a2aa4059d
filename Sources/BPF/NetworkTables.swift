import CBPF
import CStockade
import Compilation
import Glibc
import Policy
import Synchronization
import System

/// The prefixes of all policies in the kernel's four tries. A policy is installed after its prefixes and removed
/// before them.
package final class NetworkTables: Sendable {
  private let egress4, egress6, ingress4, ingress6: FileDescriptor
  /// The prefixes that this process wrote. With them one policy is removed without a listing of everything.
  private let written = Mutex<[Revision: [Prefix]]>([:])

  private struct Prefix {
    var cidr: CIDR
    var isEgress: Bool
  }

  /// The maps must have been made already, by `NetworkPrograms`.
  package init(shared: SharedMaps) throws(BPFError) {
    func map(_ name: String) throws(BPFError) -> FileDescriptor {
      guard let map = try shared.descriptor(name) else { throw .missing(object: "network", what: "map \(name)") }
      return map
    }
    egress4 = try map("egress4")
    egress6 = try map("egress6")
    ingress4 = try map("ingress4")
    ingress6 = try map("ingress6")
  }

  /// Writes the prefixes of `policy` under `revision`. After a failure none is left.
  package func install(_ policy: CompiledPolicy, revision: Revision) throws(BPFError) {
    let all = [(policy.egress, true), (policy.ingress, false)].flatMap { direction, isEgress in
      (direction?.prefixes ?? []).map { ($0, Prefix(cidr: $0.cidr, isEgress: isEgress)) }
    }
    written.withLock { $0[revision] = all.map(\.1) }
    do {
      for (prefix, written) in all { try add(prefix, revision, to: map(of: written)) }
    } catch {
      try remove([revision])
      throw error
    }
  }

  /// Lists the tables only if another process installed one of the revisions, and only once for all of them.
  package func remove(_ revisions: Set<Revision>) throws(BPFError) {
    let own = written.withLock { written in written.filter { revisions.contains($0.key) } }
    for (revision, prefixes) in own {
      for prefix in prefixes.sorted(by: { $0.cidr.prefixLength < $1.cidr.prefixLength }) {
        try remove(key(prefix.cidr, revision), from: map(of: prefix))
      }
      written.withLock { $0[revision] = nil }
    }
    let others = revisions.subtracting(own.keys)
    if !others.isEmpty { try remove { others.contains($0) } }
  }

  /// Removes what belongs to no revision in `revisions`. A process that died has left it.
  package func removeOrphans(keeping revisions: Set<Revision>) throws(BPFError) {
    try remove { !revisions.contains($0) }
  }

  /// How many prefixes this process wrote. The kernel does not count them, and a list of all prefixes takes long.
  package func fills() -> [MapFill] {
    let written = written.withLock { $0.values.flatMap { $0 } }
    return [("egress4", true, 4), ("egress6", true, 16), ("ingress4", false, 4), ("ingress6", false, 16)].map { table in
      let (name, isEgress, bytes) = table
      let count = written.count { $0.isEgress == isEgress && $0.cidr.bytes.count == bytes }
      return MapFill(name, count, of: STOCKADE_NET_PREFIXES_MAX)
    }
  }

  private func map(of prefix: Prefix) -> FileDescriptor {
    switch (prefix.isEgress, prefix.cidr.isIPv4) {
    case (true, true): egress4
    case (true, false): egress6
    case (false, true): ingress4
    case (false, false): ingress6
    }
  }

  private func key(_ cidr: CIDR, _ revision: Revision) -> TrieKey {
    TrieKey(prefixBits: 64 + UInt32(cidr.prefixLength), revision: revision, address: cidr.bytes)
  }

  private func add(
    _ prefix: CompiledPolicy.Prefix, _ revision: Revision, to map: FileDescriptor
  ) throws(BPFError) {
    let key = key(prefix.cidr, revision)
    var node = stockade_net_node(prefix)
    if bpf_map_update_elem(map.number, key.bytes, &node, UInt64(BPF_ANY)) == 0 { return }
    // For a full trie, the kernel says ENOSPC.
    if errno == ENOSPC { throw tableFullError(name(of: map), map) }
    throw .system(Errno(errno, "add a network prefix"))
  }

  private func name(of map: FileDescriptor) -> String {
    switch map.number {
    case egress4.number: "egress4"
    case egress6.number: "egress6"
    case ingress4.number: "ingress4"
    default: "ingress6"
    }
  }

  private func remove(_ isUnwanted: (Revision) -> Bool) throws(BPFError) {
    for map in [egress4, ingress4] { try remove(isUnwanted, from: map, MemoryLayout<stockade_net_key4>.size) }
    for map in [egress6, ingress6] { try remove(isUnwanted, from: map, MemoryLayout<stockade_net_key6>.size) }
    written.withLock { $0 = $0.filter { !isUnwanted($0.key) } }
  }

  /// Removes the shortest prefix first. A packet that is being judged just then may find nothing, which blocks it. But
  /// it never finds the shorter prefix that its own prefix overrides.
  private func remove(
    _ isUnwanted: (Revision) -> Bool, from map: FileDescriptor, _ keySize: Int
  ) throws(BPFError) {
    let keys = try keys(of: map, keySize).filter { isUnwanted($0.revision) }
    for key in keys.sorted(by: { $0.prefixBits < $1.prefixBits }) { try remove(key, from: map) }
  }

  private func remove(_ key: TrieKey, from map: FileDescriptor) throws(BPFError) {
    if bpf_map_delete_elem(map.number, key.bytes) < 0, errno != ENOENT {
      throw .system(Errno(errno, "remove a network prefix"))
    }
  }

  /// If the key at which the listing stands is removed meanwhile, the listing begins anew. Then some keys are in it
  /// twice.
  private func keys(of map: FileDescriptor, _ size: Int) throws(BPFError) -> [TrieKey] {
    var keys: [TrieKey] = []
    while true {
      var next = [UInt8](repeating: 0, count: size)
      if bpf_map_get_next_key(map.number, keys.last?.bytes, &next) < 0 {
        if errno == ENOENT { return keys }
        throw .system(Errno(errno, "list network prefixes"))
      }
      keys.append(TrieKey(bytes: next))
    }
  }
}

/// `struct stockade_net_key4` or `stockade_net_key6`.
private struct TrieKey {
  let bytes: [UInt8]
  var prefixBits: UInt32 { bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } }
  var revision: Revision {
    Revision(bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: UInt64.self) })
  }

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(prefixBits: UInt32, revision: Revision, address: [UInt8]) {
    bytes = withUnsafeBytes(of: prefixBits) { Array($0) } + withUnsafeBytes(of: revision.number) { Array($0) } + address
  }
}
