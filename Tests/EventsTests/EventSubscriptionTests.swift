import BPF
import Glibc
import InMemoryLogging
import Logging
import Synchronization
import System
import Testing

@testable import Events

private func event(_ reason: String) -> Event {
  .tierLowered(TierLoss(timeNanoseconds: 0, from: .lsm, to: .signal, reason: reason))
}

private let format = EventLineFormat(node: "n")
private let (x, y) = (event("x"), event("y"))

/// A disk that is full, hangs, or takes lines.
private final class Disk: Sendable {
  enum Mode: Equatable, Sendable { case takes, full, hangs }
  private let state = Monitor((mode: Mode.takes, lines: [String](), tries: 0))

  init(_ mode: Mode = .takes) { become(mode) }
  var lines: [String] { state.withLock { $0.lines } }
  func become(_ mode: Mode) { state.withLock { $0.mode = mode } }
  func waitForTry() { state.wait { $0.tries > 0 } }

  /// - Parameter limit: of records that wait, of `x`.
  func subscription(limit: Int) -> EventSubscription {
    EventSubscription(
      "disk", limitBytes: limit * (format.line(x).utf8.count + 64),
      .lines(format, { (line) throws(Errno) in try self.write(line) }))
  }

  func write(_ line: String) throws(Errno) {
    state.withLock { $0.tries += 1 }
    let takes: Bool = state.wait { state in
      if state.mode == .hangs { return nil }
      if state.mode == .takes { state.lines.append(line) }
      return state.mode == .takes
    }
    if !takes { throw Errno(ENOSPC, "write to the disk") }
  }
}

@Suite(.timeLimit(.minutes(1))) struct EventSubscriptionTests {
  private let memory = InMemoryLogHandler()
  private var log: Logger { Logger(label: "test") { [memory] _ in memory } }

  private func messages() -> [String] {
    memory.entries.map { "\($0.level) \($0.message)" + ($0.metadata["lost"].map { " lost=\($0)" } ?? "") }
  }

  @Test("a record in the place of what was lost says how much that was, exactly")
  func counted() {
    let disk = Disk(.hangs)
    let subscription = disk.subscription(limit: 10)
    subscription.put(x)
    disk.waitForTry()
    for _ in 0..<480 { subscription.put(x) }
    disk.become(.takes)
    subscription.flush(milliseconds: 10_000)
    subscription.put(y)
    subscription.flush(milliseconds: 10_000)
    #expect(disk.lines.count == 12)
    #expect(disk.lines[10].hasSuffix(#""kind":"dropped","counts":{"eventsUnwritten":471},"node":"n"}"#))
    #expect(disk.lines[11] == format.line(y))
  }

  @Test("what the kernel counted is told as soon as a line can be written, though the buffer was full when it came")
  func kernelLosses() {
    let disk = Disk(.hangs)
    let subscription = disk.subscription(limit: 1)
    subscription.put(x)
    disk.waitForTry()
    for _ in 0..<3 { subscription.put(x) }
    for counter in [KernelCounter.readFailed, .eventsDroppedRate, .readFailed] {
      subscription.put(.lost(EventLosses(timeNanoseconds: 0, counts: [.init(counter: counter, count: 2)])))
    }
    disk.become(.takes)
    subscription.flush(milliseconds: 10_000)
    #expect(disk.lines.count == 2)
    #expect(
      disk.lines.last?.hasSuffix(
        #""counts":{"eventsDroppedRate":2,"readFailed":4,"eventsUnwritten":3},"node":"n"}"#) == true)
    subscription.put(y)
    subscription.flush(milliseconds: 10_000)
    #expect(disk.lines.dropFirst(2) == [format.line(y)])
  }

  @Test("a record in the place of what was lost has the form that the subscriber chose")
  func gapInOCSF() throws {
    let disk = Disk(.hangs)
    let ocsf = EventLineFormat(.ocsf, node: "n")
    let subscription = EventSubscription(
      "disk", limitBytes: ocsf.line(x).utf8.count + 64,
      .lines(ocsf, { (line) throws(Errno) in try disk.write(line) }))
    subscription.put(x)
    disk.waitForTry()
    subscription.put(x)
    disk.become(.takes)
    subscription.flush(milliseconds: 10_000)
    #expect(disk.lines.count == 2 && disk.lines[0] == ocsf.line(x))
    #expect(disk.lines[1].contains(#""type_uid":200401"#) && disk.lines[1].contains(#"{"eventsUnwritten":1}"#))
  }

  @Test("a subscriber to events themselves gets them, and what it keeps waiting is bounded by the events' texts")
  func events() {
    let isOpen = Monitor(false), got = Mutex<[String]>([])
    let subscription = EventSubscription(
      "events", limitBytes: 2 * (event("x").heldBytes + 64),
      .events { event in
        isOpen.wait { $0 }
        if case .tierLowered(let loss) = event { got.withLock { $0.append(loss.reason) } }
      })
    for reason in ["a", "b", "c"] { subscription.put(event(reason)) }
    #expect(subscription.progress.lost == 1)
    isOpen.withLock { $0 = true }
    subscription.flush(milliseconds: 10_000)
    #expect(got.withLock { $0 } == ["a", "b"])
  }

  @Test("the log says at once that a disk is full, then every so often how much is lost, and in the end that it works")
  func told() {
    let disk = Disk(.full)
    let subscription = disk.subscription(limit: 1)
    let start = ContinuousClock.now
    subscription.put(x)
    disk.waitForTry()
    subscription.flush(milliseconds: 100)
    for _ in 0..<7 { subscription.put(x) }
    for milliseconds in stride(from: 0, to: 59_900, by: 200) {
      subscription.report(to: log, now: start + .milliseconds(milliseconds))
    }
    #expect(messages() == ["error events are not written lost=7"])
    #expect(memory.entries[0].metadata["reason"].map { "\($0)".contains("no space left") } == true)
    for _ in 0..<5 { subscription.put(x) }
    subscription.report(to: log, now: start + .seconds(60))
    disk.become(.takes)
    #expect(disk.lines == [])
    subscription.flush(milliseconds: 10_000)
    for _ in 0..<3 { subscription.report(to: log, now: start + .seconds(61)) }
    #expect(
      messages() == [
        "error events are not written lost=7", "error events are not written lost=5",
        "notice events are written again",
      ])
  }

  @Test("what is lost at the end of the process is told, what waits included")
  func end() {
    let disk = Disk(.hangs)
    let subscription = disk.subscription(limit: 2)
    subscription.put(x)
    disk.waitForTry()
    for _ in 0..<4 { subscription.put(x) }
    subscription.flush(milliseconds: 10)
    for _ in 0..<2 { subscription.reportEnd(to: log) }
    #expect(messages() == ["error events were not written before the end lost=5"])
  }
}
