import Glibc
import Logging
import Synchronization
import System

/// A sink with a buffer and a thread of its own: neither the pump nor another sink waits for it. What does not fit the
/// buffer is lost, and a record of kind `dropped` in its place says how much that was.
package final class BufferedSink: Sendable {
  /// Of a sink's buffer.
  package static let limitBytes = 4 << 20
  /// A full disk must not fill the log as well.
  package static let reportSeconds = 60

  private struct Told {
    var lost = 0
    var isUnfinished = false
    var next: ContinuousClock.Instant?
    /// By `reportEnd`, last time.
    var atEnd = 0
  }

  private let queue: OutputQueue<String>
  private let told = Mutex(Told())

  init(_ sink: any EventSink, limitBytes: Int = BufferedSink.limitBytes) {
    queue = OutputQueue(
      limitBytes: limitBytes, size: { $0.utf8.count },
      gap: { count in
        EventLosses(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: [], unwritten: UInt64(count)).json.text
      },
      write: { line throws(Errno) in try sink.write(line) }, reopen: { sink.reopen() })
  }

  func put(_ line: String) { queue.put(line) }

  func reopen() { queue.reopen() }

  func flush(milliseconds: Int) { queue.flush(milliseconds: milliseconds) }

  /// Writes what can be written in that time, and ends the thread.
  func stop(milliseconds: Int) { queue.stop(milliseconds: milliseconds) }

  /// Says in the log that events are not written, at once and then every so often; and that they are again.
  func report(to log: Logger, now: ContinuousClock.Instant = .now) {
    let progress = queue.progress
    told.withLock { told in
      let lost = progress.lost - told.lost
      if lost > 0 || progress.failure != nil {
        if let next = told.next, now < next { return }
        log.error("events are not written", metadata: Self.metadata(progress, lost))
        (told.lost, told.isUnfinished) = (progress.lost, true)
        told.next = now + .seconds(Self.reportSeconds)
      } else if told.isUnfinished, progress.waiting == 0 {
        log.notice("events are written again")
        told.isUnfinished = false
      }
    }
  }

  /// Says what is lost for good, since whoever made the events ends; once.
  func reportEnd(to log: Logger) {
    let progress = queue.progress
    told.withLock { told in
      let lost = progress.lost - told.lost + progress.waiting
      if lost > 0, lost != told.atEnd {
        log.error("events were not written before the end", metadata: Self.metadata(progress, lost))
      }
      told.atEnd = lost
    }
  }

  private static func metadata(_ progress: OutputQueue<String>.Progress, _ lost: Int) -> Logger.Metadata {
    [
      "reason": "\(progress.failure.map { "\($0)" } ?? "nobody takes them fast enough")", "lost": "\(lost)",
      "waiting": "\(progress.waiting)",
    ]
  }
}
