import BPF
import Glibc
import Logging
import Synchronization
import System

/// The thread that carries events from the kernel's ring buffer to the sinks, and counts what was lost on the way.
package final class EventPump: Sendable {
  private static let pollMilliseconds: Int32 = 200

  private let reader: EventReader
  private let decoder: EventDecoder
  private let kernelCounters: @Sendable () -> KernelCounters
  private let log: Logger
  private let state = Mutex(State())
  /// Held while a batch is read and written, so that `drain` sees all that had happened before it was called.
  private let reading = Mutex(())

  private struct State {
    var sinks: [any EventSink] = []
    var observers: [@Sendable (EventRecord) -> Void] = []
    var isStopping = false
    var lost = KernelCounters()
    var unwritten = 0
  }

  package init(
    reader: EventReader, decoder: EventDecoder, counters: @escaping @Sendable () -> KernelCounters, log: Logger
  ) {
    self.reader = reader
    self.decoder = decoder
    self.kernelCounters = counters
    self.log = log
  }

  package func add(_ sink: any EventSink) { state.withLock { $0.sinks.append(sink) } }

  /// Calls `observer` on the reading thread for each record.
  package func observe(_ observer: @escaping @Sendable (EventRecord) -> Void) {
    state.withLock { $0.observers.append(observer) }
  }

  /// Reads until `stop`.
  package func run() {
    while !state.withLock({ $0.isStopping }) {
      poll(timeoutMilliseconds: Self.pollMilliseconds)
      reportLosses()
    }
    drain()
  }

  package func stop() { state.withLock { $0.isStopping = true } }

  /// Writes what is in the ring buffer now.
  package func drain() { poll(timeoutMilliseconds: 0) }

  private func poll(timeoutMilliseconds: Int32) {
    reading.withLock { _ in
      do throws(BPFError) {
        try reader.poll(timeoutMilliseconds: timeoutMilliseconds) { [self] event in
          if let record = decoder.decode(event) { deliver(record) }
        }
      } catch {
        log.error("cannot read events", metadata: ["reason": "\(error)"])
      }
    }
  }

  private func deliver(_ record: EventRecord) {
    write(record.json.text)
    for observer in state.withLock({ $0.observers }) { observer(record) }
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

  /// One line into the stream for each rise of a loss counter, so that a reader knows of the gap.
  private func reportLosses() {
    let now = kernelCounters()
    let before = state.withLock { state in
      defer { state.lost = now }
      return state.lost
    }
    let losses = now.losses(since: before)
    guard !losses.isEmpty else { return }
    let time = Timestamp.rfc3339(nanoseconds: Timestamp.now(CLOCK_REALTIME))
    let members = losses.map { ($0.name, JSON.unsigned($0.count)) }
    write(JSON.object([("time", .string(time)), ("kind", "dropped"), ("counts", .object(members))]).text)
  }
}
