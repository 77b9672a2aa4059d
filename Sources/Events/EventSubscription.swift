import BPF
import Glibc
import Logging
import Synchronization
import System

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
  private let receiver: EventReceiver
  private let wants: @Sendable (Event) -> Bool
  private let queue: OutputQueue<EventNotice>
  private let told = Mutex(Told())
  private let untold = UntoldLosses()

  init(
    _ name: String, limitBytes: Int = EventSubscription.limitBytes,
    _ receiver: EventReceiver, wants: @escaping @Sendable (Event) -> Bool = { _ in true },
    reopen: @escaping @Sendable () -> Void = {}, isVital: Bool = true
  ) {
    (self.name, self.receiver, self.wants) = (name, receiver, wants)
    queue = OutputQueue(
      limitBytes: limitBytes, size: { $0.bytes },
      gap: { [untold] count in
        let losses = EventLosses(
          timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: untold.take(), unwritten: UInt64(count))
        return losses.isEmpty ? nil : receiver.notice(.lost(losses), nil)
      },
      write: { (notice) throws(Errno) in try receiver.take(notice) }, reopen: reopen,
      isVital: isVital)
  }

  /// How many events were lost since the start, and how many wait.
  package var progress: OutputProgress { queue.progress }

  /// For one that is not vital: starts its thread.
  func start() throws(Errno) { try queue.start() }

  /// - Returns: why the event is lost; nil: it will be taken, or what it says will, or it is not wanted.
  func put(_ event: Event, _ number: UInt64? = nil) -> QueueLoss? {
    wants(event) ? put(event, receiver.notice(event, number)) : nil
  }

  /// The event in the form that the receiver takes: to make it can take a while.
  func notice(_ event: Event) -> EventNotice { receiver.notice(event, nil) }

  func put(_ event: Event, _ notice: EventNotice) -> QueueLoss? {
    queue.put(notice) { [untold] in
      guard case .lost(let losses) = event else { return false }
      untold.add(losses.counts)
      return true
    }
  }

  func reopen() { queue.reopen() }

  /// Waits until everything is taken, at most this long.
  ///
  /// - Returns: whether everything is taken.
  @discardableResult
  package func flush(milliseconds: Int) -> Bool { queue.flush(milliseconds: milliseconds) }

  /// Waits until everything is taken, at most this long, and ends the thread.
  func stop(milliseconds: Int) { queue.stop(milliseconds: milliseconds) }

  /// Ends the thread, and waits for nothing. What is not taken is lost.
  func abandon() { queue.abandon() }

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

  private func metadata(_ progress: OutputProgress, _ lost: Int) -> Logger.Metadata {
    [
      "to": "\(name)",
      "reason": "\(progress.failure.map { "\($0)" } ?? "nobody takes them fast enough")", "lost": "\(lost)",
      "waiting": "\(progress.waiting)",
    ]
  }
}

/// What the kernel counted and the subscriber was not told, because its buffer was full. The next record of a loss says
/// it.
private final class UntoldLosses: Sendable {
  private let counts = Mutex<[KernelCounter: UInt64]>([:])

  func add(_ losses: [EventLosses.Count]) {
    counts.withLock { counts in for loss in losses { counts[loss.counter, default: 0] += loss.count } }
  }

  func take() -> [EventLosses.Count] {
    let taken = counts.withLock { counts in
      defer { counts = [:] }
      return counts
    }
    return KernelCounter.allCases.compactMap { counter in
      taken[counter].map { EventLosses.Count(counter: counter, count: $0) }
    }
  }
}
