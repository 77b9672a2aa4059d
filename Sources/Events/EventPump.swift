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

/// The thread that carries events from the kernel's ring buffer to the sinks, and counts what was lost on the way.
package final class EventPump: Sendable {
  /// For a record; then it is looked at what was lost. An idle node is woken no more often than that.
  private static let waitMilliseconds: Int32 = 1000
  /// Of one round: however fast records come, it is looked so often at what was lost.
  private static let round = Duration.milliseconds(200)
  /// At the end, for what sinks have not written yet.
  package static let finishMilliseconds = 200

  private let source: any EventSource
  private let decoder: EventDecoder
  private let kernelCounters: @Sendable () -> KernelCounters
  private let log: Logger
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())
  /// Held while a round is read and told, so that `drain` has told all that had happened before it was called. Nobody
  /// waits with it.
  private let reading = Mutex(())

  private struct State {
    var sinks: [BufferedSink] = []
    var observers: [@Sendable (EventNotice) -> Void] = []
    var isStopping = false
    var counted = KernelCounters()
  }

  /// - Parameter now: by which a round ends.
  package init(
    source: any EventSource, decoder: EventDecoder, counters: @escaping @Sendable () -> KernelCounters, log: Logger,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.source = source
    self.now = now
    self.decoder = decoder
    self.kernelCounters = counters
    self.log = log
  }

  /// Writes every record to `sink` as well, from a buffer of its own: no sink holds up another one, or the pump.
  package func add(_ sink: any EventSink) {
    let buffered = BufferedSink(sink)
    state.withLock { $0.sinks.append(buffered) }
  }

  private var sinks: [BufferedSink] { state.withLock { $0.sinks } }

  /// Begins the files anew that the records go to. Does not wait for it.
  package func reopen() { for sink in sinks { sink.reopen() } }

  /// Waits until all that was told is written too, at most so long.
  package func flush(milliseconds: Int) { for sink in sinks { sink.flush(milliseconds: milliseconds) } }

  /// Writes what can be written in that time, and says what is lost if the process ends now.
  package func finish(milliseconds: Int) {
    flush(milliseconds: milliseconds)
    for sink in sinks { sink.reportEnd(to: log) }
  }

  /// The last to be called: does the same, and ends the threads of the sinks. One that a disk holds is left.
  package func close(milliseconds: Int = EventPump.finishMilliseconds) {
    for sink in sinks {
      sink.stop(milliseconds: milliseconds)
      sink.reportEnd(to: log)
    }
  }

  /// Calls `observer` on the reading thread for each record, and for what is missing between them.
  package func observe(_ observer: @escaping @Sendable (EventNotice) -> Void) {
    state.withLock { $0.observers.append(observer) }
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

  /// Tells what is in the ring buffer, and then what did not get there.
  package func drain() { while !readRound() {} }

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
          tell(.record(decoder.decode(event)))
          return now() < end
        }
      } catch {
        log.error("cannot read events", metadata: ["reason": "\(error)"])
        return true
      }
    }
    for sink in sinks { sink.report(to: log) }
    return isEmpty
  }

  package func tell(_ loss: TierLoss) { tell(.tierLowered(loss)) }
  package func tell(_ record: GateRecord) { tell(.nodeGate(record)) }

  package func tell(_ tampering: Tampering) { tell(.tampered(tampering)) }

  private func tell(_ notice: EventNotice) {
    let (sinks, observers) = state.withLock { ($0.sinks, $0.observers) }
    if !sinks.isEmpty {
      let line = notice.json.text
      for sink in sinks { sink.put(line) }
    }
    for observer in observers { observer(notice) }
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
    let losses = EventLosses(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: counts)
    tell(.lost(losses))
  }
}
