import System

/// What is told of a node. Each case is a kind of record, or several; docs/events.md lists the members.
///
/// Indirect, since it can wait in many queues at once.
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

  /// The record.
  package var json: JSON {
    switch self {
    case .record(let record): record.json
    case .lost(let losses): losses.json
    case .tierLowered(let loss): loss.json
    case .tampered(let tampering): tampering.json
    case .nodeGate(let record): record.json
    }
  }
}
