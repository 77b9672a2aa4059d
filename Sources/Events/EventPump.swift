import BPF
import Glibc
import Logging
import Synchronization
import System

/// Where records come from: the kernel's ring buffer, or a test.
package protocol EventSource: Sendable {
  func wait(milliseconds: Int32)
  func read(_ deliver: (KernelEvent) -> Void) throws(BPFError)
}

extension EventReader: EventSource {}

/// The thread that carries events from the kernel's ring buffer to the sinks, and counts what was lost on the way.
package final class EventPump: Sendable {
  private static let waitMilliseconds: Int32 = 200

  private let source: any EventSource
  private let decoder: EventDecoder
  private let kernelCounters: @Sendable () -> KernelCounters
  private let log: Logger
  private let state = Mutex(State())
  /// Held while a batch is read and told, so that `drain` has told all that had happened before it was called. Nobody
  /// waits with it.
  private let reading = Mutex(())

  private struct State {
    var sinks: [any EventSink] = []
    var observers: [@Sendable (EventNotice) -> Void] = []
    var isStopping = false
    var counted = KernelCounters()
    var unwritten = 0
  }

  package init(
    source: any EventSource, decoder: EventDecoder, counters: @escaping @Sendable () -> KernelCounters, log: Logger
  ) {
    self.source = source
    self.decoder = decoder
    self.kernelCounters = counters
    self.log = log
  }

  package func add(_ sink: any EventSink) { state.withLock { $0.sinks.append(sink) } }

  /// Calls `observer` on the reading thread for each record, and for what is missing between them.
  package func observe(_ observer: @escaping @Sendable (EventNotice) -> Void) {
    state.withLock { $0.observers.append(observer) }
  }

  /// Reads until `stop`.
  package func run() {
    while !state.withLock({ $0.isStopping }) {
      source.wait(milliseconds: Self.waitMilliseconds)
      drain()
    }
    drain()
  }

  package func stop() { state.withLock { $0.isStopping = true } }

  /// Tells what is in the ring buffer, and then what did not get there.
  package func drain() {
    reading.withLock { _ in
      do throws(BPFError) {
        try source.read { [self] event in
          if let record = decoder.decode(event) { tell(.record(record), record.json) }
        }
      } catch {
        log.error("cannot read events", metadata: ["reason": "\(error)"])
      }
      tellLosses()
    }
  }

  private func tell(_ notice: EventNotice, _ json: JSON) {
    write(json.text)
    for observer in state.withLock({ $0.observers }) { observer(notice) }
  }

  private func write(_ line: String) {
    for sink in state.withLock({ $0.sinks }) {
      do throws(Errno) { try sink.write(line) } catch {
        let count = state.withLock {
          $0.unwritten += 1
          return $0.unwritten
        }
        // Once a thousand: a full disk must not fill the log as well.
        if count % 1000 == 1 {
          log.error("cannot write an event", metadata: ["reason": "\(error)", "unwritten": "\(count)"])
        }
      }
    }
  }

  /// One record for each rise of the counters, so that a reader knows of the gap.
  private func tellLosses() {
    let now = kernelCounters()
    // They could not be read this time.
    if now.values.isEmpty { return }
    let before = state.withLock { state in
      defer { state.counted = now }
      return state.counted
    }
    let counts = now.losses(since: before)
    if counts.isEmpty { return }
    let losses = EventLosses(timeNanoseconds: Timestamp.now(CLOCK_REALTIME), counts: counts)
    tell(.lost(losses), losses.json)
  }
}
