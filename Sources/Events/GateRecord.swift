import BPF
import System

/// Somebody closed the node gate, opened it, or freed a pod.
package struct GateRecord: Equatable, Sendable {
  package var record: NodeGate.Record
  /// Records that were written over before anybody read them.
  package var lost: UInt64 = 0

  package init(_ record: NodeGate.Record, lost: UInt64 = 0) { (self.record, self.lost) = (record, lost) }

  /// The record of kind `nodeGate`.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: record.timeNanoseconds))), ("kind", "nodeGate"),
      ("act", .string(record.act.word)), ("reason", .string(record.reason)),
    ]
    if record.untilNanoseconds != 0 {
      members.append(("until", .string(Timestamp.rfc3339(nanoseconds: record.untilNanoseconds))))
    }
    if let user = record.user { members.append(("user", .integer(Int64(user)))) }
    if !record.pod.isEmpty { members.append(("podCgroup", .string(record.pod))) }
    if lost > 0 { members.append(("lostBefore", .unsigned(lost))) }
    return .object(members)
  }

  /// One line for people.
  package var summary: String {
    let what =
      switch record.act {
      case .closed: "the node gate was closed"
      case .opened: "the node gate was opened"
      case .openedFor:
        "all gates of the node were opened until \(Timestamp.rfc3339(nanoseconds: record.untilNanoseconds))"
      case .freed, .unknown: "the gate of the pod in cgroup \(record.pod) was opened"
      }
    return "\(what): \(record.reason)"
  }
}

extension NodeGate.Act {
  /// The act's name in records and documents.
  package var word: String {
    switch self {
    case .closed: "closed"
    case .opened: "opened"
    case .openedFor: "openedFor"
    case .freed: "freed"
    case .unknown(let number): "unknown(\(number))"
    }
  }
}
