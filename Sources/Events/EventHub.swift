import Logging
import Synchronization
import System

/// Tells every event to all who have subscribed: files, streams, whoever counts or shows them. Each has a buffer and a
/// thread of its own, so whoever publishes never waits, and no subscriber waits for another one.
package final class EventHub: Sendable {
  /// At the end, for what subscribers have not taken yet.
  package static let finishMilliseconds = 200

  private let list = Mutex<[EventSubscription]>([])

  package init() {}

  /// Tells all events from now on.
  ///
  /// - Parameters:
  ///   - name: for the log, where it does not take them.
  ///   - limitBytes: of what waits for it.
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

  /// The same, of lines.
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

  /// Begins the files anew that the records go to. Does not wait for it.
  package func reopen() { for subscription in subscriptions { subscription.reopen() } }

  /// Says in the log who does not take events.
  func report(to log: Logger) { for subscription in subscriptions { subscription.report(to: log) } }

  /// Waits until all that was published is taken too, at most so long for each.
  package func flush(milliseconds: Int) {
    for subscription in subscriptions { subscription.flush(milliseconds: milliseconds) }
  }

  /// Waits for what can be taken in that time, and says what is lost if the process ends now.
  package func finish(milliseconds: Int, log: Logger) {
    flush(milliseconds: milliseconds)
    for subscription in subscriptions { subscription.reportEnd(to: log) }
  }

  /// The last to be called: does the same, and ends the subscribers' threads. One that a disk holds is left.
  package func close(milliseconds: Int = EventHub.finishMilliseconds, log: Logger) {
    for subscription in subscriptions {
      subscription.stop(milliseconds: milliseconds)
      subscription.reportEnd(to: log)
    }
  }
}
