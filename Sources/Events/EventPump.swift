import BPF
import Glibc
import Logging
import Synchronization
import System

/// Where records come from: the kernel's ring buffer, or a test.
package protocol EventSource: Sendable {
  func wait(milliseconds: Int32)
  /// Ends a `wait`, now and from now on.
  func wake()
  /// Until `deliver` wants no more, or nothing is left: returns which.
  func read(_ deliver: (KernelEvent) -> Bool) throws(BPFError) -> Bool
}

extension EventReader: EventSource {}

/// The thread that carries events from the kernel's ring buffer to the hub, and counts what was lost on the way.
package final class EventPump: Sendable {
  /// For a record; then it is looked at what was lost. An idle node is woken no more often than that.
  private static let waitMilliseconds: Int32 = 1000
  /// Of one round: however fast records come, it is looked so often at what was lost.
  private static let round = Duration.milliseconds(200)

  private let source: any EventSource
  private let decoder: EventDecoder
  private let kernelCounters: @Sendable () -> KernelCounters
  private let hub: EventHub
  private let log: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())
  /// Held while a round is read and told, so that `drain` has told all that had happened before it was called. Nobody
  /// waits with it.
  private let reading = Mutex(())

  private struct State {
    var isStopping = false
    var isLeft = false
    var counted = KernelCounters()
  }

  /// - Parameter now: by which a round ends.
  package init(
    source: any EventSource, decoder: EventDecoder, counters: @escaping @Sendable () -> KernelCounters, hub: EventHub,
    log: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.source = source
    self.now = now
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

  /// Lets `run` end, after what is there by then is told.
  package func stop() {
    state.withLock { $0.isStopping = true }
    source.wake()
  }

  /// Nobody waits for it any more: what is still in the ring buffer is left to the next one.
  package func leave() { state.withLock { $0.isLeft = true } }

  private var isLeft: Bool { state.withLock { $0.isLeft } }

  /// Tells what is in the ring buffer, and then what did not get there.
  package func drain() { while !isLeft, !readRound() {} }

  /// The same, but of records that go on coming only a round.
  ///
  /// - Returns: whether nothing is left.
  @discardableResult
  package func readRound() -> Bool {
    let end = now() + Self.round
    let isEmpty = reading.withLock { _ in
      defer { tellLosses() }
      do throws(BPFError) {
        return try source.read { [self] event in
          hub.publish(.record(decoder.decode(event)))
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

  /// One record for each rise of the counters, so that a reader knows of the gap.
  private func tellLosses() {
    let now = kernelCounters()
    // They could not be read this time.
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
