import BPF
import CStockade
import System

/// Somebody closed the node gate, opened it, or freed a pod.
package struct GateRecord: Equatable, Sendable {
  package var record: NodeGate.Record
  /// Records that were written over before anybody read them.
  package var lost: UInt64 = 0

  package init(_ record: NodeGate.Record, lost: UInt64 = 0) { (self.record, self.lost) = (record, lost) }

  private static let acts = [
    STOCKADE_ACT_CLOSED.rawValue: "closed", STOCKADE_ACT_OPENED.rawValue: "opened",
    STOCKADE_ACT_OPENED_FOR.rawValue: "openedFor", STOCKADE_ACT_FREED.rawValue: "freed",
  ]
  package static let actNames = acts.values.sorted()
  package var act: String { Self.acts[record.act.rawValue] ?? "unknown(\(record.act.rawValue))" }

  /// The record of kind `nodeGate`.
  package var json: JSON {
    var members: [(String, JSON)] = [
      ("time", .string(Timestamp.rfc3339(nanoseconds: record.timeNanoseconds))), ("kind", "nodeGate"),
      ("act", .string(act)), ("reason", .string(record.reason)),
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
      case STOCKADE_ACT_CLOSED: "the node gate was closed"
      case STOCKADE_ACT_OPENED: "the node gate was opened"
      case STOCKADE_ACT_OPENED_FOR:
        "all gates of the node were opened until \(Timestamp.rfc3339(nanoseconds: record.untilNanoseconds))"
      default: "the gate of the pod in cgroup \(record.pod) was opened"
      }
    return "\(what): \(record.reason)"
  }
}
