import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The prefixes of all policies in the kernel's four tries. A policy is installed after its prefixes and removed
/// before them.
package final class NetworkTables: Sendable {
  private let egress4, egress6, ingress4, ingress6: FileDescriptor
  /// What this process wrote, so that one policy is removed without a listing of all. Held while keys are listed too: a
  /// listing begins anew when the key that it stands at is removed.
  private let written = Mutex<[UInt64: [Prefix]]>([:])

  private struct Prefix {
    var length: Int
    var address: [UInt8]
    var isEgress: Bool
  }

  /// The maps must have been made, by `NetworkPrograms`.
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

  /// Writes the prefixes of `policy` under `revision`; on failure none is left.
  package func install(_ policy: CompiledPolicy, revision: UInt64) throws(BPFError) {
    let egress = policy.egress.map { Prefix(length: $0.length, address: $0.address, isEgress: true) }
    let ingress = policy.ingress.map { Prefix(length: $0.length, address: $0.address, isEgress: false) }
    written.withLock { $0[revision] = egress + ingress }
    do throws(BPFError) {
      for (prefix, written) in zip(policy.egress + policy.ingress, egress + ingress) {
        try add(prefix, revision, to: map(of: written))
      }
    } catch {
      try remove(revision: revision)
      throw error
    }
  }

  /// Lists the tables only where another process installed the revision.
  package func remove(revision: UInt64) throws(BPFError) {
    let isRemoved = try written.withLock { (written) throws(BPFError) in
      guard let prefixes = written[revision] else { return false }
      for prefix in prefixes.sorted(by: { $0.length < $1.length }) {
        try remove(key(prefix.length, revision, prefix.address), from: map(of: prefix))
      }
      written[revision] = nil
      return true
    }
    if !isRemoved { try remove { $0 == revision } }
  }

  /// Removes what belongs to no revision in `revisions`: left by a process that died.
  package func removeOrphans(keeping revisions: Set<UInt64>) throws(BPFError) {
    try remove { !revisions.contains($0) }
  }

  private func map(of prefix: Prefix) -> FileDescriptor {
    switch (prefix.isEgress, prefix.address.count == 4) {
    case (true, true): egress4
    case (true, false): egress6
    case (false, true): ingress4
    case (false, false): ingress6
    }
  }

  private func key(_ length: Int, _ revision: UInt64, _ address: [UInt8]) -> TrieKey {
    TrieKey(prefixBits: 64 + UInt32(length), revision: revision, address: address)
  }

  private func add(
    _ prefix: CompiledPolicy.Prefix, _ revision: UInt64, to map: FileDescriptor
  ) throws(BPFError) {
    let key = key(prefix.length, revision, prefix.address)
    var node = prefix.node
    try bpf("add a network prefix to the kernel's table of at most \(STOCKADE_NET_PREFIXES_MAX)") {
      bpf_map_update_elem(map.number, key.bytes, &node, UInt64(BPF_ANY))
    }
  }

  private func remove(_ isUnwanted: (UInt64) -> Bool) throws(BPFError) {
    try written.withLock { (written) throws(BPFError) in
      for map in [egress4, ingress4] { try remove(isUnwanted, from: map, MemoryLayout<stockade_net_key4>.size) }
      for map in [egress6, ingress6] { try remove(isUnwanted, from: map, MemoryLayout<stockade_net_key6>.size) }
      written = written.filter { !isUnwanted($0.key) }
    }
  }

  /// Shortest prefix first: a packet that is just being judged may then find nothing, which blocks it, but never the
  /// shorter prefix that its own one overrides.
  private func remove(
    _ isUnwanted: (UInt64) -> Bool, from map: FileDescriptor, _ keySize: Int
  ) throws(BPFError) {
    let keys = try keys(of: map, keySize).filter { isUnwanted($0.revision) }
    for key in keys.sorted(by: { $0.prefixBits < $1.prefixBits }) { try remove(key, from: map) }
  }

  private func remove(_ key: TrieKey, from map: FileDescriptor) throws(BPFError) {
    if bpf_map_delete_elem(map.number, key.bytes) < 0, errno != ENOENT {
      throw .system(Errno(errno, "remove a network prefix"))
    }
  }

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

/// `struct stockade_net_key4` or `6`.
private struct TrieKey {
  let bytes: [UInt8]
  var prefixBits: UInt32 { bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) } }
  var revision: UInt64 { bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 4, as: UInt64.self) } }

  init(bytes: [UInt8]) { self.bytes = bytes }

  init(prefixBits: UInt32, revision: UInt64, address: [UInt8]) {
    bytes = withUnsafeBytes(of: prefixBits) { Array($0) } + withUnsafeBytes(of: revision) { Array($0) } + address
  }
}
