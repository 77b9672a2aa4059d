import BPF
import CStockade
import Events
import InMemoryLogging
import Logging
import Synchronization
import System
import Testing

/// What the kernel would have: records to read, and counters.
private final class FakeKernel: EventSource {
  private let events = Mutex<[KernelEvent]>([])
  private let counters = Mutex<[UInt64]>(Array(repeating: 0, count: KernelCounter.allCases.count))

  func wait(milliseconds: Int32) {}
  func read(_ deliver: (KernelEvent) -> Void) {
    let all = events.withLock { events in
      defer { events = [] }
      return events
    }
    for event in all { deliver(event) }
  }

  func killExec(of pid: UInt32) {
    var header = stockade_event()
    header.kind = STOCKADE_EVENT_EXEC.rawValue
    header.effect = STOCKADE_KILLED.rawValue
    header.pid = pid
    events.withLock { $0.append(KernelEvent(header: header)) }
  }
  func raise(_ counter: stockade_counter, by count: UInt64) {
    counters.withLock { $0[Int(counter.rawValue)] += count }
  }
  let areUnreadable = Atomic(false)
  var counted: KernelCounters {
    KernelCounters(areUnreadable.load(ordering: .relaxed) ? [] : counters.withLock { $0 })
  }
}

private final class Heard: EventSink {
  private let all = Mutex<(lines: [String], notices: [String])>(([], []))
  var lines: [String] { all.withLock { $0.lines } }
  var notices: [String] { all.withLock { $0.notices } }

  func write(_ line: String) { all.withLock { $0.lines.append(line) } }
  func hear(_ notice: EventNotice) {
    let text =
      switch notice {
      case .record(let record): "\(record.kind) of \(record.process?.pid ?? 0)"
      case .lost(let losses): losses.counts.map { "\($0.counter) \($0.count)" }.joined(separator: ", ")
      }
    all.withLock { $0.notices.append(text) }
  }
}

@Suite struct EventPumpTests {
  private let kernel = FakeKernel()
  private let heard = Heard()
  private let pump: EventPump

  init() {
    let decoder = EventDecoder(subject: { _, _ in nil }, commandLine: { _ in nil }, bootOffsetNanoseconds: { 0 })
    pump = EventPump(
      source: kernel, decoder: decoder, counters: { [kernel] in kernel.counted },
      log: Logger(label: "test") { _ in InMemoryLogHandler() })
    pump.add(heard)
    pump.observe { [heard] in heard.hear($0) }
  }

  @Test("drain tells observers and files of what is there, and then of what is missing")
  func drain() {
    kernel.killExec(of: 7)
    kernel.killExec(of: 8)
    kernel.raise(STOCKADE_EVENTS_DROPPED_RATE, by: 1027)
    kernel.raise(STOCKADE_EVENTS_DROPPED_FULL, by: 2)
    pump.drain()
    #expect(heard.notices == ["exec of 7", "exec of 8", "eventsDroppedFull 2, eventsDroppedRate 1027"])
    #expect(heard.lines.count == 3)
    #expect(
      heard.lines.last?.contains(
        #""kind":"dropped","counts":{"eventsDroppedFull":2,"eventsDroppedRate":1027}}"#) == true)
  }

  @Test("each rise of a counter is told once, with how much it is")
  func rises() {
    for count: UInt64 in [3, 0, 4] {
      kernel.raise(STOCKADE_EVENTS_DROPPED_RATE, by: count)
      pump.drain()
    }
    #expect(heard.notices == ["eventsDroppedRate 3", "eventsDroppedRate 4"])
  }

  @Test("counters that cannot be read for a while tell nothing twice")
  func unreadable() {
    kernel.raise(STOCKADE_READ_FAILED, by: 5)
    pump.drain()
    kernel.areUnreadable.store(true, ordering: .relaxed)
    pump.drain()
    kernel.areUnreadable.store(false, ordering: .relaxed)
    kernel.raise(STOCKADE_READ_FAILED, by: 1)
    pump.drain()
    #expect(heard.notices == ["readFailed 5", "readFailed 1"])
  }

  @Test("a pump that is stopped has told all that came before")
  func stop() {
    kernel.killExec(of: 7)
    kernel.raise(STOCKADE_FLOWS_FULL, by: 1)
    pump.stop()
    pump.run()
    #expect(heard.notices == ["exec of 7", "flowsFull 1"])
  }
}
