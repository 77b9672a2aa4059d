import BPF
import Events
import InMemoryLogging
import Logging
import Synchronization
import System
import Testing

/// What the kernel would have: records to read, and counters.
private final class FakeKernel: EventSource {
  private let events = Mutex<[KernelEvent]>([])
  private let counters = Mutex<[KernelCounter: UInt64]>(
    Dictionary(uniqueKeysWithValues: KernelCounter.allCases.map { ($0, 0) }))

  func wait(milliseconds: Int32) {}
  func wake() {}
  func read(_ deliver: (KernelEvent) -> Bool) -> Bool {
    while let event = events.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) { if !deliver(event) { return false } }
    return true
  }

  func killExec(of pid: UInt32) {
    let event = KernelEvent(
      cgroupID: CgroupID(1), kind: .exec, effect: .killed, reason: .rule, process: .init(pid: pid))
    events.withLock { $0.append(event) }
  }
  func raise(_ counter: KernelCounter, by count: UInt64) {
    counters.withLock { $0[counter]! += count }
  }
  let areUnreadable = Atomic(false)
  var counted: KernelCounters {
    KernelCounters(areUnreadable.load(ordering: .relaxed) ? [:] : counters.withLock { $0 })
  }
}

private final class Heard: Sendable {
  private let all = Mutex<(lines: [String], notices: [String])>(([], []))
  var lines: [String] { all.withLock { $0.lines } }
  var notices: [String] { all.withLock { $0.notices } }

  func hear(_ event: Event) {
    let text =
      switch event {
      case .record(let record): "\(record.kind) of \(record.process?.pid ?? 0)"
      case .tierLowered(let loss): loss.summary
      case .tampered(let tampering): tampering.summary
      case .nodeGate(let record): record.summary
      case .idle(let record): record.what
      case .audit(let record): record.summary
      case .lost(let losses): losses.counts.map { "\($0.counter) \($0.count)" }.joined(separator: ", ")
      }
    all.withLock { all in
      all.lines.append(event.json.text)
      all.notices.append(text)
    }
  }
}

@Suite struct EventPumpTests {
  private let kernel = FakeKernel()
  private let heard = Heard()
  private let hub = EventHub()
  private let pump: EventPump
  private let log = InMemoryLogHandler()

  init() {
    let decoder = EventDecoder(
      tier: .signal, subject: { _, _ in nil }, commandLine: { _ in nil }, bootOffsetNanoseconds: { 0 })
    pump = EventPump(
      source: kernel, decoder: decoder, counters: { [kernel] in kernel.counted }, hub: hub,
      log: Logger(label: "test") { [log] _ in log })
    hub.subscribe("test", .events { [heard] in heard.hear($0) })
  }

  private var notices: [String] {
    hub.flush(milliseconds: 10_000)
    return heard.notices
  }
  private var lines: [String] {
    hub.flush(milliseconds: 10_000)
    return heard.lines
  }

  @Test("drain tells of what is there, and then of what is missing")
  func drain() {
    kernel.killExec(of: 7)
    kernel.killExec(of: 8)
    kernel.raise(.eventsDroppedRate, by: 1027)
    kernel.raise(.eventsDroppedFull, by: 2)
    pump.drain()
    #expect(notices == ["exec of 7", "exec of 8", "eventsDroppedFull 2, eventsDroppedRate 1027"])
    #expect(lines.count == 3)
    #expect(
      lines.last?.contains(
        #""kind":"dropped","counts":{"eventsDroppedFull":2,"eventsDroppedRate":1027}}"#) == true)
  }

  @Test("while records come without an end, what is missing is told all the same")
  func flood() {
    let time = Monitor(ContinuousClock.now)
    let decoder = EventDecoder(
      tier: .signal,
      subject: { [kernel] _, _ in
        time.withLock { $0 += .milliseconds(20) }
        kernel.killExec(of: 7)
        return nil
      }, commandLine: { _ in nil }, bootOffsetNanoseconds: { 0 })
    let pump = EventPump(
      source: kernel, decoder: decoder, counters: { [kernel] in kernel.counted }, hub: hub,
      log: Logger(label: "test") { [log] _ in log }, now: { time.read { $0 } })
    kernel.killExec(of: 7)
    kernel.raise(.eventsDroppedRate, by: 3)
    for _ in 0..<2 { #expect(!pump.readRound()) }
    let round = Array(repeating: "exec of 7", count: 10)
    #expect(notices == round + ["eventsDroppedRate 3"] + round)
  }

  @Test("each rise of a counter is told once, with how much it is")
  func rises() {
    for count: UInt64 in [3, 0, 4] {
      kernel.raise(.eventsDroppedRate, by: count)
      pump.drain()
    }
    #expect(notices == ["eventsDroppedRate 3", "eventsDroppedRate 4"])
  }

  @Test("that less is enforced is told")
  func tierLoss() {
    hub.publish(.tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: "why")))
    #expect(notices == ["from here on this node has tier signal, no longer lsm: why"])
    #expect(
      lines == [
        #"{"time":"1970-01-01T00:00:00.000000000Z","kind":"tierLowered","from":"lsm","to":"signal","reason":"why"}"#
      ])
    hub.publish(.tierLowered(TierLoss(timeNanoseconds: 0, from: .signal, to: .signal, reason: "why")))
    #expect(notices.last == "tier signal is enforced only partly from here on: why")
  }

  @Test("that something of Stockade's was changed is told", arguments: [nil, "why"])
  func tampering(problem: String?) {
    hub.publish(
      .tampered(
        Tampering(timeNanoseconds: 0, subject: nil, what: "tables: pins were gone: rate", problem: problem)))
    let (outcome, members) =
      problem == nil ? ("and mended", #""mended":true"#) : ("and not mended (why)", #""mended":false,"problem":"why""#)
    #expect(notices == ["tampered with, \(outcome): tables: pins were gone: rate"])
    #expect(
      lines == [
        #"{"time":"1970-01-01T00:00:00.000000000Z","kind":"tampered","what":"tables: pins were gone: rate","#
          + members + "}"
      ])
  }

  @Test("counters that cannot be read for a while tell nothing twice")
  func unreadable() {
    kernel.raise(.readFailed, by: 5)
    pump.drain()
    kernel.areUnreadable.store(true, ordering: .relaxed)
    pump.drain()
    kernel.areUnreadable.store(false, ordering: .relaxed)
    kernel.raise(.readFailed, by: 1)
    pump.drain()
    #expect(notices == ["readFailed 5", "readFailed 1"])
  }

  @Test("a pump that is stopped has told all that came before")
  func stop() {
    kernel.killExec(of: 7)
    kernel.raise(.flowsFull, by: 1)
    pump.stop()
    pump.run()
    #expect(notices == ["exec of 7", "flowsFull 1"])
  }

  @Test("a subscriber that hangs holds up neither the pump, nor another one, nor the end")
  func hanging() {
    let isReleased = Monitor(false)
    hub.subscribe("stuck", .events { _ in isReleased.wait { $0 } })
    for pid: UInt32 in 1...100 { kernel.killExec(of: pid) }
    pump.drain()
    let start = ContinuousClock.now
    hub.close(milliseconds: 50, log: Logger(label: "test") { [log] _ in log })
    #expect(ContinuousClock.now - start < .seconds(5))
    #expect(heard.lines.count == 100)
    let told = log.entries.first { $0.message == "events were not written before the end" }
    #expect(told?.metadata["lost"] == "100" && told?.metadata["to"] == "stuck")
    isReleased.withLock { $0 = true }
  }

  @Test("a record that hangs is not waited for at the end")
  func hangingRecord() throws {
    let hang = Monitor(false)
    let decoder = EventDecoder(
      tier: .signal, subject: { _, _ in nil }, commandLine: { _ in hang.wait { $0 ? [] : nil } },
      bootOffsetNanoseconds: { 0 })
    let pump = EventPump(
      source: kernel, decoder: decoder, counters: { KernelCounters() }, hub: hub,
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    kernel.killExec(of: 7)
    let start = ContinuousClock.now
    let thread = try Thread { pump.run() }
    pump.stop()
    #expect(!thread.join(milliseconds: 50))
    #expect(ContinuousClock.now - start < .seconds(5))
    hang.withLock { $0 = true }
    thread.join()
  }
}
