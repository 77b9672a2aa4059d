import CStockade
import Synchronization

/// A key that begins with the revision of the policy that it belongs to.
protocol RevisionKey: Sendable {
  init()
  /// The revision's number.
  var revision: UInt64 { get }
}

extension stockade_path_key: RevisionKey {}
extension stockade_argument_key: RevisionKey {}

/// A map with elements of many policies. It remembers the keys that this process wrote. With them one policy is removed
/// without a listing of everything.
final class RevisionMap<Key: RevisionKey & BitwiseCopyable, Value: BitwiseCopyable & Sendable>: Sendable {
  private let map: MapAccess<Key, Value>
  private let zero: Value
  private let written = Mutex<[Revision: [Key]]>([:])

  init(_ map: MapAccess<Key, Value>, zero: Value) { (self.map, self.zero) = (map, zero) }

  /// Called before this process writes the elements of the revision.
  func begin(_ revision: Revision) { written.withLock { $0[revision] = $0[revision] ?? [] } }

  func set(_ key: Key, _ value: Value) throws(BPFError) {
    try map.set(key, value)
    written.withLock { $0[Revision(key.revision)]?.append(key) }
  }

  func count() throws(BPFError) -> Int { try map.count(zero: (Key(), zero)) }

  /// Lists the map only if another process wrote one of the revisions, and only once for all of them.
  func remove(_ revisions: Set<Revision>) throws(BPFError) {
    let own = written.withLock { written in written.filter { revisions.contains($0.key) } }
    for (revision, keys) in own {
      for key in keys { try map.remove(key) }
      written.withLock { $0[revision] = nil }
    }
    let others = revisions.subtracting(own.keys)
    if !others.isEmpty { try remove { others.contains($0) } }
  }

  func remove(_ isUnwanted: (Revision) -> Bool) throws(BPFError) {
    for (key, _) in try map.elements(zero: (Key(), zero)) where isUnwanted(Revision(key.revision)) {
      try map.remove(key)
    }
    written.withLock { $0 = $0.filter { !isUnwanted($0.key) } }
  }
}
