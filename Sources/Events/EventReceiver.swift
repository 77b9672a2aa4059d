import System

/// What a subscriber takes. It is called on a thread of the subscriber's own, so it may block. After an error the same
/// event or line comes again.
package enum EventReceiver: Sendable {
  /// The events themselves. No line is made.
  case events(@Sendable (Event) throws(Errno) -> Void)
  /// The events themselves, each with its number; nil: it stands in the place of events that were lost.
  case numbered(@Sendable (UInt64?, Event) throws(Errno) -> Void)
  /// A line for each event.
  case lines(EventLineFormat, @Sendable (String) throws(Errno) -> Void)
}

/// An event that waits for a subscriber, in the form that the subscriber takes.
enum EventNotice: Sendable {
  case event(UInt64?, Event)
  case line(String)

  /// The memory that it holds, roughly.
  var bytes: Int {
    switch self {
    case .event(_, let event): event.heldBytes
    case .line(let line): line.utf8.count
    }
  }
}

extension EventReceiver {
  func notice(_ event: Event, _ number: UInt64?) -> EventNotice {
    switch self {
    case .events, .numbered: .event(number, event)
    case .lines(let format, _): .line(format.line(event))
    }
  }

  func take(_ notice: EventNotice) throws(Errno) {
    switch (self, notice) {
    case (.events(let receive), .event(_, let event)): try receive(event)
    case (.numbered(let receive), .event(let number, let event)): try receive(number, event)
    case (.lines(_, let write), .line(let line)): try write(line)
    // `notice` makes no other pair.
    case (.events, .line), (.numbered, .line), (.lines, .event): break
    }
  }
}

extension Event {
  /// An event without its texts.
  private static let ownBytes = 1024

  /// The memory that one event holds, roughly: texts that a process or a person chose, and room for the rest. What
  /// events share with the index, such as names of containers, is not counted.
  var heldBytes: Int {
    switch self {
    case .record(let record):
      Self.ownBytes + (record.process?.heldBytes ?? 0) + (record.file?.path?.utf8.count ?? 0)
    case .lost, .tierLowered: Self.ownBytes
    case .tampered(let tampering): Self.ownBytes + tampering.what.utf8.count + (tampering.problem?.utf8.count ?? 0)
    case .nodeGate(let record): Self.ownBytes + record.record.reason.utf8.count + record.record.pod.utf8.count
    case .idle(let record): Self.ownBytes + record.what.utf8.count
    case .audit(let record):
      Self.ownBytes + record.reason.utf8.count + (record.problem?.utf8.count ?? 0) + 64 * record.containers.count
    }
  }
}

extension EventRecord.Process {
  /// An empty argument takes memory too.
  fileprivate var heldBytes: Int {
    (path?.utf8.count ?? 0) + (hook?.utf8.count ?? 0) + arguments.reduce(0) { $0 + 32 + $1.utf8.count }
  }
}
