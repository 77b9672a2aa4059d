import System

/// What is reported of a node. Each case is one kind of record, or several kinds; docs/events.md lists the members.
///
/// The enum is indirect, because an event can wait in many queues at once.
package indirect enum Event: Sendable {
  case record(EventRecord)
  /// Records are missing before this, or something could not be followed.
  case lost(EventLosses)
  /// From here on less is enforced than before.
  case tierLowered(TierLoss)
  /// Something of Stockade's own was changed.
  case tampered(Tampering)
  /// Somebody acted on the node gate.
  case nodeGate(GateRecord)
  /// Something does nothing, though it seems to say something.
  case idle(IdleRecord)
  /// A temporary audit began or ended, or was refused.
  case audit(AuditRecord)

  /// The record.
  package var json: JSON {
    switch self {
    case .record(let record): record.json
    case .lost(let losses): losses.json
    case .tierLowered(let loss): loss.json
    case .tampered(let tampering): tampering.json
    case .nodeGate(let record): record.json
    case .idle(let record): record.json
    case .audit(let record): record.json
    }
  }

  /// The record, with the name of the node on which it happened.
  package func json(node: String) -> JSON {
    guard case .object(let members) = json else { return json }
    return .object(members + [("node", .string(node))])
  }
}
