import BPF
import Policy

/// The containers of a `ConfinementTable`, by id. It also counts what each start and each end asks of all containers,
/// so that these do not take longer on a node with many.
package struct EntryTable: Sequence, Sendable {
  package typealias Entry = ConfinementTable.Entry

  private var byID: [String: Entry] = [:]
  private var idsByCgroup: [CgroupID: Set<String>] = [:]
  private var usersOfPolicy: [ConfinementTable.PolicyKey: Int] = [:]
  private var usersOfRevision: [Revision: Int] = [:]

  package var keys: Dictionary<String, Entry>.Keys { byID.keys }
  package var values: Dictionary<String, Entry>.Values { byID.values }
  package var isEmpty: Bool { byID.isEmpty }
  package func makeIterator() -> Dictionary<String, Entry>.Iterator { byID.makeIterator() }

  package subscript(_ containerID: String) -> Entry? {
    get { byID[containerID] }
    set {
      if let former = byID[containerID] { count(former, containerID, -1) }
      byID[containerID] = newValue
      if let newValue { count(newValue, containerID, 1) }
    }
  }

  /// Ids of the containers that have this cgroup.
  func ids(of cgroup: CgroupID) -> Set<String> { idsByCgroup[cgroup] ?? [] }

  func uses(_ policy: ConfinementTable.PolicyKey) -> Bool { usersOfPolicy[policy] != nil }

  func uses(_ revision: Revision) -> Bool { usersOfRevision[revision] != nil }

  private mutating func count(_ entry: Entry, _ id: String, _ change: Int) {
    if change > 0 {
      idsByCgroup[entry.cgroup.id, default: []].insert(id)
    } else {
      idsByCgroup[entry.cgroup.id]!.remove(id)
      if idsByCgroup[entry.cgroup.id]!.isEmpty { idsByCgroup[entry.cgroup.id] = nil }
    }
    if let policy = entry.policy { Self.add(change, to: &usersOfPolicy, policy) }
    if let revision = entry.revision { Self.add(change, to: &usersOfRevision, revision) }
  }

  private static func add<Key>(_ change: Int, to counts: inout [Key: Int], _ key: Key) {
    let count = (counts[key] ?? 0) + change
    counts[key] = count == 0 ? nil : count
  }
}
