import Synchronization
import System

/// The beginning of `/proc/PID/cmdline`, read by a thread of its own. To read it, the kernel reads the process's
/// memory. What answers for that memory, such as a file system in a container, may let the read hang.
package final class CommandLineReader: Sendable {
  /// How long one record waits, and how long all records of a second wait together. While the thread hangs, the next
  /// records do not wait at all.
  package static let patienceMilliseconds = 50

  private struct State {
    var asked: UInt32?
    var answer: [UInt8]?
    var isStopping = false
  }
  private struct Waited {
    var second: ContinuousClock.Instant
    var sum = Duration.zero
  }
  private let waited: Mutex<Waited>
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Monitor(State())
  private let readFile: @Sendable (UInt32) -> [UInt8]?
  private let worker = Mutex<Worker?>(nil)

  package init(
    readFile: @escaping @Sendable (UInt32) -> [UInt8]? = EventDecoder.readCommandLine,
    now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
  ) {
    self.readFile = readFile
    self.now = now
    waited = Mutex(Waited(second: now()))
    worker.withLock { $0 = Worker { [self] _ in run() } }
  }

  /// Reads one byte more than is reported, if there is one; nil: it cannot be read, or not in time.
  package func read(pid: UInt32) -> [UInt8]? {
    let start = now()
    let left = waited.withLock { waited in
      if start - waited.second >= .seconds(1) { waited = Waited(second: start) }
      return .milliseconds(Self.patienceMilliseconds) - waited.sum
    }
    if left <= .zero { return nil }
    defer { waited.withLock { $0.sum += now() - start } }
    return ask(pid, milliseconds: max(1, Int(left / .milliseconds(1))))
  }

  private func ask(_ pid: UInt32, milliseconds: Int) -> [UInt8]? {
    let isFree = state.withLock { state in
      if state.asked != nil { return false }
      (state.asked, state.answer) = (pid, nil)
      return true
    }
    guard isFree, state.wait(milliseconds: milliseconds, until: { $0.asked == nil }) else { return nil }
    return state.withLock { $0.answer }
  }

  /// Ends the thread. A thread that a process's memory holds is left behind.
  package func stop(milliseconds: Int) {
    state.withLock { $0.isStopping = true }
    worker.withLock { $0 }?.stop(milliseconds: milliseconds)
  }

  private func run() {
    while let pid = nextQuestion() {
      let answer = readFile(pid)
      state.withLock { ($0.asked, $0.answer) = (nil, answer) }
    }
  }

  /// nil: the thread was stopped.
  private func nextQuestion() -> UInt32? {
    state.wait { state -> UInt32?? in state.isStopping ? .some(nil) : state.asked.map { .some($0) } }
  }
}
