import Glibc
import Logging
import Synchronization
import System

/// An event on its way, with its record.
package struct EventNotice: Sendable {
  package let event: Event
  /// JSON, without a line break.
  package let line: String

  init(_ event: Event) { (self.event, line) = (event, event.json.text) }
}

/// A subscriber to events, with a buffer and a thread of its own. What does not fit the buffer is lost. An event in its
/// place says how much that was.
package final class EventSubscription: Sendable {
  /// The most that waits in one subscriber's buffer.
  package static let limitBytes = 4 << 20
  /// The time between two lines in the log about one subscriber: a full disk must not fill the log as well.
  package static let reportSeconds = 60

  private struct Told {
    var lost = 0
    var isUnfinished = false
    var next: ContinuousClock.Instant?
    /// What `reportEnd` said last time.
    var atEnd = 0
  }

  private let name: String
  private let queue: OutputQueue<EventNotice>
  private let told = Mutex(Told())

  init(
    _ name: String, limitBytes: Int = EventSubscription.limitBytes,
    receive: @escaping @Sendable (EventNotice) throws(Errno) -> Void, reopen: @escaping @Sendable () -> Void = {}
  ) {
    self.name = name
    queue = OutputQueue(
      limitBytes: limitBytes, size: { $0.line.utf8.count },
      gap: { count in
        EventNotice(
          .lost(
            EventLosses(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: [], unwritten: UInt64(count))))
      },
      write: receive, reopen: reopen)
  }

  /// How many events were lost since the start, and how many wait.
  package var progress: OutputQueue<EventNotice>.Progress { queue.progress }

  func put(_ notice: EventNotice) { queue.put(notice) }

  func reopen() { queue.reopen() }

  /// Waits until everything is taken, at most this long.
  ///
  /// - Returns: whether everything is taken.
  @discardableResult
  package func flush(milliseconds: Int) -> Bool { queue.flush(milliseconds: milliseconds) }

  /// Waits until everything is taken, at most this long, and ends the thread.
  func stop(milliseconds: Int) { queue.stop(milliseconds: milliseconds) }

  /// Says in the log that events are not written: at once, and then every `reportSeconds`. Also says when they are
  /// written again.
  func report(to log: Logger, now: ContinuousClock.Instant = .now) {
    let progress = queue.progress
    told.withLock { told in
      let lost = progress.lost - told.lost
      if lost > 0 || progress.failure != nil {
        if let next = told.next, now < next { return }
        log.error("events are not written", metadata: metadata(progress, lost))
        (told.lost, told.isUnfinished) = (progress.lost, true)
        told.next = now + .seconds(Self.reportSeconds)
      } else if told.isUnfinished, progress.waiting == 0 {
        log.notice("events are written again", metadata: ["to": "\(name)"])
        told.isUnfinished = false
      }
    }
  }

  /// Says once what is lost for good, because the process ends.
  func reportEnd(to log: Logger) {
    let progress = queue.progress
    told.withLock { told in
      let lost = progress.lost - told.lost + progress.waiting
      if lost > 0, lost != told.atEnd {
        log.error("events were not written before the end", metadata: metadata(progress, lost))
      }
      told.atEnd = lost
    }
  }

  private func metadata(_ progress: OutputQueue<EventNotice>.Progress, _ lost: Int) -> Logger.Metadata {
    [
      "to": "\(name)",
      "reason": "\(progress.failure.map { "\($0)" } ?? "nobody takes them fast enough")", "lost": "\(lost)",
      "waiting": "\(progress.waiting)",
    ]
  }
}
