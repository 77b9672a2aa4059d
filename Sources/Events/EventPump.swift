import BPF
import Glibc
import Logging
import Synchronization
import System

/// Where records come from: the kernel's ring buffer, or a test.
package protocol EventSource: Sendable {
  func wait(milliseconds: Int32)
  /// Ends a `wait`, now and every later one.
  func wake()
  /// Hands records over until `deliver` wants no more, or none is left.
  ///
  /// - Returns: whether none is left.
  func read(_ deliver: (KernelEvent) -> Bool) throws(BPFError) -> Bool
}

extension EventReader: EventSource {}

/// The thread that carries events from the kernel's ring buffer to the hub, and counts what was lost on the way.
package final class EventPump: Sendable {
  /// How long a round waits for a record. So an idle node is woken once a second, to see what was lost.
  private static let waitMilliseconds: Int32 = 1000
  /// The longest round. However fast records come, the losses are told this often.
  private static let round = Duration.milliseconds(200)

  private let source: any EventSource
  private let decoder: EventDecoder
  private let kernelCounters: @Sendable () -> KernelCounters
  private let wants: @Sendable (KernelEvent) -> Bool
  private let hub: EventHub
  private let log: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())
  /// Held while a round is read and published. So when `drain` returns, all that happened before the call is published.
  /// A round that holds it waits for nothing.
  private let reading = Mutex(())

  private struct State {
    var isStopping = false
    var isLeft = false
    var counted = KernelCounters()
  }

  /// - Parameters:
  ///   - wants: called with each event before anything else is; whether it is to be published.
  ///   - now: the clock by which a round ends.
  package init(
    source: any EventSource, decoder: EventDecoder, counters: @escaping @Sendable () -> KernelCounters, hub: EventHub,
    log: Logger, wants: @escaping @Sendable (KernelEvent) -> Bool = { _ in true },
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.source = source
    (self.wants, self.now) = (wants, now)
    self.decoder = decoder
    self.kernelCounters = counters
    self.hub = hub
    self.log = log
  }

  /// Reads until `stop`.
  package func run() {
    while !state.withLock({ $0.isStopping }) {
      source.wait(milliseconds: Self.waitMilliseconds)
      readRound()
    }
    drain()
  }

  /// Lets `run` end. Before that, `run` publishes what is in the ring buffer.
  package func stop() {
    state.withLock { $0.isStopping = true }
    source.wake()
  }

  /// Says that nobody waits for the pump any more. What is still in the ring buffer is left to the next pump.
  package func leave() { state.withLock { $0.isLeft = true } }

  private var isLeft: Bool { state.withLock { $0.isLeft } }

  /// Publishes all that is in the ring buffer, and what was lost.
  package func drain() { while !isLeft, !readRound() {} }

  /// Publishes one round of records, and what was lost.
  ///
  /// - Returns: whether nothing is left.
  @discardableResult
  package func readRound() -> Bool {
    let end = now() + Self.round
    let isEmpty = reading.withLock { _ in
      defer { tellLosses() }
      do {
        return try source.read { [self] event in
          if wants(event), let record = decoder.record(of: event) { hub.publish(.record(record)) }
          return now() < end && !isLeft
        }
      } catch {
        log.error("cannot read events", metadata: ["reason": "\(error)"])
        return true
      }
    }
    hub.report(to: log)
    return isEmpty
  }

  /// Publishes one event when counters rose, so that a reader knows of the gap.
  private func tellLosses() {
    let now = kernelCounters()
    // The counters could not be read this time.
    if now.isEmpty { return }
    let before = state.withLock { state in
      defer { state.counted = now }
      return state.counted
    }
    let counts = now.losses(since: before)
    if counts.isEmpty { return }
    hub.publish(.lost(EventLosses(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: counts)))
  }
}
