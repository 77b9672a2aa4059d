import Synchronization

/// What is on its way to somebody who may not take it: a full disk, a pipe that nobody reads, a log that hangs.
///
/// Whoever puts something in never waits for that. A thread of the queue's own writes, one item after the other, and
/// tries an item that fails again until it can be written. What finds the queue full is lost; in its place the next
/// reader finds how much it was. The thread goes on until `stop`.
package final class OutputQueue<Item: Sendable>: Sendable {
  /// Of each item, beside its own bytes: what it takes to keep it.
  private static var overheadBytes: Int { 64 }
  /// After a failure, until the next try.
  private static var retryMilliseconds: Int { 500 }

  private enum Entry {
    case item(Item, bytes: Int)
    /// So many were lost here.
    case gap(Int)
  }

  package struct Progress: Equatable, Sendable {
    /// Since the start.
    package var lost = 0
    /// Items that are not written yet.
    package var waiting = 0
    /// Why the last try failed; nil: it did not, or none has ended yet.
    package var failure: Errno?

    package init(lost: Int = 0, waiting: Int = 0, failure: Errno? = nil) {
      (self.lost, self.waiting, self.failure) = (lost, waiting, failure)
    }
  }

  private struct State {
    var entries: [Entry] = []
    /// Of what is in `entries`, and of what the thread has taken and not written.
    var bytes = 0
    var isWriting = false
    var isStopping = false
    var wantsReopening = false
    /// Rises when the thread is to try again at once.
    var calls = 0
    var progress = Progress()

    mutating func lose() {
      progress.lost += 1
      // Nobody reads of it any more.
      if isStopping { return }
      if case .gap(let count) = entries.last {
        entries[entries.count - 1] = .gap(count + 1)
      } else {
        entries.append(.gap(1))
      }
    }
  }

  private let state = Monitor(State())
  private let limitBytes: Int
  private let size: @Sendable (Item) -> Int
  private let gap: @Sendable (Int) -> Item
  private let write: @Sendable (Item) throws(Errno) -> Void
  private let reopening: @Sendable () -> Void
  private let thread = Mutex<Thread?>(nil)
  /// For a thread that has nothing left to write.
  private static var endMilliseconds: Int { 20 }

  /// - Parameters:
  ///   - limitBytes: of all that waits, with 64 bytes more for each item.
  ///   - size: of one item.
  ///   - gap: what is written where so many items were lost.
  ///   - write: called on the queue's thread; may block. After an error it is called with the same item again.
  ///   - reopen: called on that thread after `reopen`.
  package init(
    limitBytes: Int, size: @escaping @Sendable (Item) -> Int, gap: @escaping @Sendable (Int) -> Item,
    write: @escaping @Sendable (Item) throws(Errno) -> Void, reopen: @escaping @Sendable () -> Void = {}
  ) {
    (self.limitBytes, self.size, self.gap, self.write, reopening) = (limitBytes, size, gap, write, reopen)
    // It is part of what the process is for: without it the process ends.
    do throws(Errno) {
      let started = try Thread { [self] in run() }
      thread.withLock { $0 = started }
    } catch { fatalError("\(error)") }
  }

  /// Never blocks.
  package func put(_ item: Item) {
    let bytes = size(item) + Self.overheadBytes
    state.withLock { state in
      if state.isStopping || state.bytes + bytes > limitBytes { return state.lose() }
      state.entries.append(.item(item, bytes: bytes))
      state.bytes += bytes
      state.progress.waiting += 1
    }
  }

  package var progress: Progress { state.read { $0.progress } }

  /// Lets the thread begin anew what it writes to, between two items.
  package func reopen() {
    state.withLock { state in
      state.wantsReopening = true
      state.calls += 1
    }
  }

  /// Waits until all is written, at most so long.
  ///
  /// - Returns: whether it is.
  @discardableResult
  package func flush(milliseconds: Int) -> Bool {
    state.withLock { $0.calls += 1 }
    return state.wait(milliseconds: milliseconds) { !$0.isWriting && $0.entries.isEmpty }
  }

  /// Waits until all is written, at most so long, and ends the thread. A thread that a write holds is left, as nobody
  /// knows for how long it does. What is not written, and what is put in from now on, is lost.
  package func stop(milliseconds: Int) {
    flush(milliseconds: milliseconds)
    state.withLock { state in
      state.isStopping = true
      state.calls += 1
    }
    thread.withLock { $0 }?.join(milliseconds: Self.endMilliseconds)
  }

  private func run() {
    while let batch = nextBatch() {
      reopenIfWanted()
      // After an item that could not be written before the end comes no other one.
      guard batch.allSatisfy(write) else { return }
      state.withLock { $0.isWriting = false }
    }
  }

  /// nil: it was stopped.
  private func nextBatch() -> [Entry]? {
    state.wait { state -> [Entry]?? in
      if state.isStopping { return .some(nil) }
      if state.entries.isEmpty && !state.wantsReopening { return nil }
      state.isWriting = true
      defer { state.entries = [] }
      return state.entries
    }
  }

  /// - Returns: whether it is written.
  private func write(_ entry: Entry) -> Bool {
    switch entry {
    case .gap(let count): return insist(gap(count))
    case .item(let item, let bytes):
      guard insist(item) else { return false }
      state.withLock { state in
        state.bytes -= bytes
        state.progress.waiting -= 1
      }
      return true
    }
  }

  /// - Returns: false where it could not be written before the end.
  private func insist(_ item: Item) -> Bool {
    while true {
      reopenIfWanted()
      let calls = state.read { $0.calls }
      do throws(Errno) {
        try write(item)
        state.withLock { $0.progress.failure = nil }
        return true
      } catch {
        state.withLock { $0.progress.failure = error }
      }
      if state.read({ $0.isStopping }) { return false }
      state.wait(milliseconds: Self.retryMilliseconds) { $0.calls != calls }
    }
  }

  private func reopenIfWanted() {
    let wanted = state.withLock { state in
      defer { state.wantsReopening = false }
      return state.wantsReopening
    }
    if wanted { reopening() }
  }
}
