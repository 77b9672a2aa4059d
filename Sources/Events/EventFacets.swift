import Policy

/// What all kinds of events have, or may have: for filters, and for lists.
extension Event {
  package var timeNanoseconds: Int64 {
    switch self {
    case .record(let record): record.timeNanoseconds
    case .lost(let losses): losses.timeNanoseconds
    case .tierLowered(let loss): loss.timeNanoseconds
    case .tampered(let tampering): tampering.timeNanoseconds
    case .nodeGate(let record): record.record.timeNanoseconds
    case .idle(let record): record.timeNanoseconds
    case .audit(let record): record.timeNanoseconds
    }
  }

  /// The container that it is about; nil: it is about none.
  package var subject: Subject? {
    switch self {
    case .record(let record): record.subject
    case .tampered(let tampering): tampering.subject
    case .idle(let record): record.subject
    case .lost, .tierLowered, .nodeGate, .audit: nil
    }
  }

  package var profile: String? {
    switch self {
    case .record(let record): record.profile
    case .idle(let record): record.profile
    case .lost, .tierLowered, .tampered, .nodeGate, .audit: nil
    }
  }

  /// The record's `action`; nil: it has none.
  package var action: String? {
    guard case .record(let record) = self else { return nil }
    return record.action
  }

  /// One line for people.
  package var summary: String {
    switch self {
    case .record(let record): record.summary
    case .lost(let losses): losses.summary
    case .tierLowered(let loss): loss.summary
    case .tampered(let tampering): tampering.summary
    case .nodeGate(let record): record.summary
    case .idle(let record): "does nothing: \(record.what)"
    case .audit(let record): record.summary
    }
  }
}

extension EventLosses {
  /// One line for people.
  package var summary: String {
    (counts.map(\.summary) + (unwritten == 0 ? [] : [Count.notShown(unwritten)])).joined(separator: "; ")
  }
}
