import Logging
import Synchronization
import System

/// Passes every event to all subscribers: files, streams, and code that counts or shows events. Each subscriber has a
/// buffer and a thread of its own. So the publisher never waits, and no subscriber waits for another one.
package final class EventHub: Sendable {
  /// How long `close` waits for each subscriber to take what it has not taken yet.
  package static let finishMilliseconds = 200

  private let list = Mutex<[EventSubscription]>([])

  package init() {}

  /// Adds a subscriber, which gets all events from now on.
  ///
  /// - Parameters:
  ///   - name: for the log, if the subscriber does not take events.
  ///   - limitBytes: the most that may wait for the subscriber.
  ///   - receive: called on a thread of its own; may block. After an error it is called with the same event again.
  ///   - reopen: called on that thread after `reopen`.
  @discardableResult
  package func subscribe(
    _ name: String, limitBytes: Int = EventSubscription.limitBytes,
    receive: @escaping @Sendable (EventNotice) throws(Errno) -> Void, reopen: @escaping @Sendable () -> Void = {}
  ) -> EventSubscription {
    let subscription = EventSubscription(name, limitBytes: limitBytes, receive: receive, reopen: reopen)
    list.withLock { $0.append(subscription) }
    return subscription
  }

  /// Adds a subscriber that gets each event as a line.
  package func subscribe(_ name: String, _ sink: any EventSink) {
    subscribe(name, receive: { (notice) throws(Errno) in try sink.write(notice.line) }, reopen: { sink.reopen() })
  }

  /// Never blocks.
  package func publish(_ event: Event) {
    let subscriptions = subscriptions
    if subscriptions.isEmpty { return }
    let notice = EventNotice(event)
    for subscription in subscriptions { subscription.put(notice) }
  }

  private var subscriptions: [EventSubscription] { list.withLock { $0 } }

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
  }
}
