/// An event of this Stockade, with its number among them.
package typealias NumberedEvent = (number: UInt64, event: Event)

/// The last events, each with its number: for a subscriber that comes later, or again.
struct EventBacklog: Sendable {
  static let countMax = 512
  /// By `heldBytes`.
  static let bytesMax = 512 << 10
  /// What all of them count in a queue at most.
  static let queuedBytesMax = bytesMax + countMax * 64

  private var events: [Event] = []
  private var bytes = 0
  /// The number of the last event; 0: there was none.
  private(set) var last: UInt64 = 0

  /// Adds an event.
  ///
  /// - Returns: its number.
  mutating func add(_ event: Event) -> UInt64 {
    last += 1
    events.append(event)
    bytes += event.heldBytes
    if events.count > Self.countMax || bytes > Self.bytesMax { trim() }
    return last
  }

  /// Removes a quarter at a time: to remove the first of an array moves all others.
  private mutating func trim() {
    var count = 0
    while bytes > Self.bytesMax * 3 / 4 || events.count - count > Self.countMax * 3 / 4, count < events.count {
      bytes -= events[count].heldBytes
      count += 1
    }
    events.removeFirst(count)
  }

  private var first: UInt64 { last - UInt64(events.count) + 1 }

  /// The events with a greater number, and how many of these are not remembered any more.
  func events(after number: UInt64) -> (events: [NumberedEvent], missed: UInt64) {
    if number >= last { return ([], 0) }
    if events.isEmpty { return ([], last - number) }
    let start = max(number + 1, first)
    let found = zip(start...last, events[Int(start - first)...]).map { NumberedEvent($0, $1) }
    return (found, start - number - 1)
  }

  /// The last `count` of the wanted events.
  func latest(_ count: Int, wants: (Event) -> Bool) -> [NumberedEvent] {
    events(after: 0).events.filter { wants($0.event) }.suffix(max(count, 0))
  }
}
