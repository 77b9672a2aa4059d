import Glibc
import Synchronization
import System
import Testing

/// Somebody who takes lines only while they are let.
private final class Reader: Sendable {
  private struct State {
    var lines: [String] = []
    var isOpen = true
    /// So many lines are taken although it is not open.
    var exceptions = 0
    var isEntered = false
    var failure: Errno?
    var reopened = 0
  }
  private let state = Monitor(State())

  var lines: [String] { state.withLock { $0.lines } }
  var reopened: Int { state.withLock { $0.reopened } }
  func letThrough(_ count: Int) { state.withLock { $0.exceptions += count } }
  func waitForLines(_ count: Int) { state.wait { $0.lines.count >= count } }
  func setOpen(_ isOpen: Bool) { state.withLock { $0.isOpen = isOpen } }
  func fail(_ failure: Errno?) { state.withLock { $0.failure = failure } }
  func reopen() { state.withLock { $0.reopened += 1 } }

  func take(_ line: String) throws(Errno) {
    state.withLock { $0.isEntered = true }
    let failure: Errno? = state.wait { state in
      guard state.isOpen || state.exceptions > 0 else { return nil }
      state.exceptions = max(0, state.exceptions - 1)
      return .some(state.failure)
    }
    if let failure { throw failure }
    state.withLock { $0.lines.append(line) }
  }

  /// Until a line is with us and not taken.
  func waitForEntry() { state.wait { $0.isEntered } }

  /// - Parameter limit: of lines that wait, of one letter each.
  func queue(limit: Int) -> OutputQueue<String> {
    OutputQueue(
      limitBytes: limit * 65, size: { $0.utf8.count }, gap: { "\($0) lost" },
      write: { line throws(Errno) in try self.take(line) }, reopen: { self.reopen() })
  }
}

@Suite(.timeLimit(.minutes(1))) struct OutputQueueTests {
  private let reader = Reader()

  @Test("what is put in comes out in its order")
  func order() {
    let queue = reader.queue(limit: 100)
    for letter in ["a", "b", "c"] { queue.put(letter) }
    #expect(queue.flush(milliseconds: 10_000))
    #expect(reader.lines == ["a", "b", "c"])
    #expect(queue.progress == .init(lost: 0, waiting: 0, failure: nil))
  }

  @Test("who puts something in does not wait for a reader that hangs; what does not fit is counted in its place")
  func hanging() {
    reader.setOpen(false)
    let queue = reader.queue(limit: 3)
    queue.put("a")
    reader.waitForEntry()
    // At the limit, and two past it.
    for letter in ["b", "c", "d", "e"] { queue.put(letter) }
    #expect(queue.progress == .init(lost: 2, waiting: 3, failure: nil))
    #expect(!queue.flush(milliseconds: 10))
    reader.setOpen(true)
    #expect(queue.flush(milliseconds: 10_000))
    queue.put("f")
    #expect(queue.flush(milliseconds: 10_000))
    #expect(reader.lines == ["a", "b", "c", "2 lost", "f"])
  }

  @Test("a thousand losses are one gap, and a later one is told apart")
  func gaps() {
    reader.setOpen(false)
    let queue = reader.queue(limit: 1)
    queue.put("a")
    reader.waitForEntry()
    for _ in 0..<1000 { queue.put("x") }
    reader.setOpen(true)
    #expect(queue.flush(milliseconds: 10_000))
    queue.put("b")
    queue.flush(milliseconds: 10_000)
    #expect(reader.lines == ["a", "1000 lost", "b"])
    #expect(queue.progress.lost == 1000)
  }

  @Test(
    "what is kept when the queue is full is not lost: the next gap tells it, and a gap with nothing to tell is none")
  func kept() {
    let told = Mutex("kept")
    reader.setOpen(false)
    let queue = OutputQueue<String>(
      limitBytes: 65, size: { $0.utf8.count },
      gap: { count in
        told.withLock { told in
          defer { told = "" }
          return count == 0 && told.isEmpty ? nil : "\(count) lost, \(told)"
        }
      }, write: { [reader] line throws(Errno) in try reader.take(line) })
    queue.put("a")
    reader.waitForEntry()
    queue.put("b") { true }
    #expect(queue.progress == .init(lost: 0, waiting: 1, failure: nil))
    queue.put("c") { false }
    #expect(queue.progress.lost == 1)
    reader.setOpen(true)
    #expect(queue.flush(milliseconds: 10_000))
    reader.setOpen(false)
    queue.put("d")
    queue.put("e") { true }
    reader.setOpen(true)
    #expect(queue.flush(milliseconds: 10_000))
    #expect(reader.lines == ["a", "1 lost, kept", "d"])
  }

  @Test("what cannot be written is tried again until it can be")
  func failing() {
    reader.fail(Errno(ENOSPC, "write"))
    let queue = reader.queue(limit: 100)
    for letter in ["a", "b"] { queue.put(letter) }
    #expect(!queue.flush(milliseconds: 50))
    #expect(queue.progress.failure?.code == ENOSPC)
    reader.fail(nil)
    #expect(queue.flush(milliseconds: 10_000))
    #expect(reader.lines == ["a", "b"])
    #expect(queue.progress == .init(lost: 0, waiting: 0, failure: nil))
  }

  @Test("to be begun anew is not waited for, and is done also where nothing waits to be written")
  func reopening() {
    let queue = reader.queue(limit: 100)
    queue.reopen()
    while reader.reopened == 0 { usleep(1000) }
    queue.put("a")
    #expect(queue.flush(milliseconds: 10_000))
    #expect(reader.lines == ["a"])
  }

  @Test("one that is stopped has written what it had, and counts as lost what comes later")
  func stopped() {
    let queue = reader.queue(limit: 100)
    queue.put("a")
    queue.stop(milliseconds: 10_000)
    queue.put("b")
    #expect(queue.flush(milliseconds: 10_000), "nothing waits")
    #expect(reader.lines == ["a"])
    #expect(queue.progress == .init(lost: 1, waiting: 0, failure: nil))
    queue.stop(milliseconds: 10_000)
  }

  @Test("what can never be written holds up the end no longer than is said, and is told to be waiting")
  func stoppedInVain() {
    reader.fail(Errno(ENOSPC, "write"))
    let queue = reader.queue(limit: 100)
    for letter in ["a", "b"] { queue.put(letter) }
    let start = ContinuousClock.now
    queue.stop(milliseconds: 20)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(queue.progress == .init(lost: 0, waiting: 2, failure: Errno(ENOSPC, "write")))
    reader.fail(nil)
    #expect(!queue.flush(milliseconds: 10), "nobody writes any more")
    #expect(reader.lines.isEmpty)
  }

  @Test("what waits at the end is not written later: it was counted as lost")
  func stoppedAmongLines() {
    reader.setOpen(false)
    let queue = reader.queue(limit: 100)
    queue.put("a")
    reader.waitForEntry()
    // The thread takes these together.
    for letter in ["b", "c", "d"] { queue.put(letter) }
    reader.letThrough(2)
    reader.waitForLines(2)
    queue.stop(milliseconds: 20)
    #expect(queue.progress.waiting == 2)
    reader.letThrough(1)
    reader.waitForLines(3)
    queue.stop(milliseconds: 20)
    #expect(queue.progress.waiting == 1)
    reader.setOpen(true)
    queue.stop(milliseconds: 20)
    #expect(reader.lines == ["a", "b", "c"])
  }

  @Test("a reader that hangs is left at the end")
  func stoppedWhileHanging() {
    reader.setOpen(false)
    let queue = reader.queue(limit: 100)
    queue.put("a")
    reader.waitForEntry()
    let start = ContinuousClock.now
    queue.stop(milliseconds: 20)
    #expect(ContinuousClock.now - start < .seconds(20))
    #expect(queue.progress.waiting == 1)
    reader.setOpen(true)
  }
}
