import Logging
import Synchronization
import System

/// Passes every event to all subscribers: files, streams, and code that counts or shows events. Each subscriber has a
/// buffer and a thread of its own. So the publisher never waits, and no subscriber waits for another one.
package final class EventHub: Sendable {
  /// How long `close` waits for each subscriber to take what it has not taken yet.
  package static let finishMilliseconds = 200

  private struct State {
    var list: [EventSubscription] = []
    /// Those that nobody but their own client misses.
    var guests: [EventSubscription] = []
    var backlog = EventBacklog()

    func past(from start: Start, wants: (Event) -> Bool) -> Past {
      switch start {
      case .last(let count):
        let events = backlog.latest(count, wants: wants)
        return Past(events: events, begin: events.first.map { $0.number - 1 } ?? backlog.last, missed: 0)
      case .after(let number):
        let begin = min(number, backlog.last)
        let (events, missed) = backlog.events(after: begin)
        return Past(events: events.filter { wants($0.event) }, begin: begin, missed: missed)
      }
    }
  }
  private let state = Mutex(State())
  package let counts = EventCounts()

  package init() {}

  /// Adds a subscriber, which gets all events from now on.
  ///
  /// - Parameters:
  ///   - name: for the log, if the subscriber does not take events.
  ///   - limitBytes: the most that may wait for the subscriber.
  ///   - receiver: what it takes, and in which form.
  ///   - reopen: called on the subscriber's thread after `reopen`.
  @discardableResult
  package func subscribe(
    _ name: String, limitBytes: Int = EventSubscription.limitBytes, _ receiver: EventReceiver,
    reopen: @escaping @Sendable () -> Void = {}
  ) -> EventSubscription {
    let subscription = EventSubscription(name, limitBytes: limitBytes, receiver, reopen: reopen)
    state.withLock { $0.list.append(subscription) }
    return subscription
  }

  /// Where a guest begins.
  package enum Start: Equatable, Sendable {
    /// With so many of the last wanted events.
    case last(Int)
    /// Behind the event with this number.
    case after(UInt64)
  }

  /// Wanted events that are remembered. `begin` and `missed` are as a guest's.
  package struct Past: Sendable {
    package let events: [NumberedEvent]
    package let begin: UInt64
    package let missed: UInt64
  }

  /// A subscriber that comes and goes. The log says nothing of it.
  package struct Guest: Sendable {
    package let subscription: EventSubscription
    /// The number of the event behind which it begins.
    package let begin: UInt64
    /// How many events behind the one that it asked for are not remembered any more.
    package let missed: UInt64
  }

  /// Adds a guest, which gets the wanted events from `start` on, each once and in their order. It stays until `remove`.
  ///
  /// - Parameters:
  ///   - limitBytes: the most that may wait for it, beside what is remembered when it comes.
  ///   - receive: called on a thread of the guest's own; may block. Its first events may come before this returns.
  /// - Throws: there can be no thread for it.
  package func addGuest(
    _ name: String, limitBytes: Int, from start: Start, wants: @escaping @Sendable (Event) -> Bool,
    _ receive: @escaping @Sendable (UInt64?, Event) throws(Errno) -> Void
  ) throws(Errno) -> Guest {
    let subscription = EventSubscription(
      name, limitBytes: limitBytes + EventBacklog.queuedBytesMax, .numbered(receive), wants: wants, isVital: false)
    try subscription.start()
    return state.withLock { state in
      let past = state.past(from: start, wants: wants)
      for (number, event) in past.events {
        if let loss = subscription.put(event, number) { counts.note(loss, by: .client) }
      }
      state.guests.append(subscription)
      return Guest(subscription: subscription, begin: past.begin, missed: past.missed)
    }
  }

  /// What is remembered from `start` on.
  package func past(from start: Start, wants: (Event) -> Bool) -> Past {
    state.withLock { $0.past(from: start, wants: wants) }
  }

  package var guestCount: Int { state.withLock { $0.guests.count } }

  /// Waits for nothing.
  package func remove(_ guest: Guest) {
    state.withLock { state in state.guests.removeAll { $0 === guest.subscription } }
    guest.subscription.abandon()
  }

  /// Adds a subscriber that gets each event as a line.
  package func subscribe(_ name: String, _ format: EventLineFormat, _ sink: any EventSink) {
    subscribe(name, .lines(format, { (line) throws(Errno) in try sink.write(line) }), reopen: { sink.reopen() })
  }

  /// Never blocks.
  package func publish(_ event: Event) {
    counts.note(event)
    // Lines are made before the lock is taken, which others wait for.
    let made = subscriptions.map { ($0, $0.notice(event)) }
    // All guests get events in the order of their numbers.
    state.withLock { state in
      let number = state.backlog.add(event)
      for (subscription, notice) in made {
        if let loss = subscription.put(event, notice) { counts.note(loss, by: .output) }
      }
      for guest in state.guests { if let loss = guest.put(event, number) { counts.note(loss, by: .client) } }
    }
  }

  private var subscriptions: [EventSubscription] { state.withLock { $0.list } }

  /// Asks the subscribers to open their files anew. Does not wait for them.
  package func reopen() { for subscription in subscriptions { subscription.reopen() } }

  /// Says in the log which subscribers do not take events.
  func report(to log: Logger) { for subscription in subscriptions { subscription.report(to: log) } }

  /// Waits until the subscribers have taken all that was published, at most this long for each.
  package func flush(milliseconds: Int) {
    for subscription in subscriptions { subscription.flush(milliseconds: milliseconds) }
  }

  /// As `flush`; then says in the log what is lost if the process ends now.
  package func finish(milliseconds: Int, log: Logger) {
    flush(milliseconds: milliseconds)
    for subscription in subscriptions { subscription.reportEnd(to: log) }
  }

  /// As `finish`, and also ends the subscribers' threads. A thread that a disk holds is left behind. Nothing is called
  /// after this.
  package func close(milliseconds: Int = EventHub.finishMilliseconds, log: Logger) {
    for subscription in subscriptions {
      subscription.stop(milliseconds: milliseconds)
      subscription.reportEnd(to: log)
    }
    let guests = state.withLock { state in
      defer { state.guests = [] }
      return state.guests
    }
    for guest in guests { guest.abandon() }
  }
}
