/// What is on its way to somebody who may not take it: a full disk, a pipe that nobody reads, a log that hangs.
///
/// Whoever puts something in never waits for that. A thread of the queue's own writes, one item after the other, and
/// tries an item that fails again until it can be written. What finds the queue full is lost; in its place the next
/// reader finds how much it was.
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
    var wantsReopening = false
    /// Rises when the thread is to try again at once.
    var calls = 0
    var progress = Progress()

    mutating func lose() {
      progress.lost += 1
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
    Thread.detached { @Sendable [self] in run() }
  }

  /// Never blocks.
  package func put(_ item: Item) {
    let bytes = size(item) + Self.overheadBytes
    state.withLock { state in
      if state.bytes + bytes > limitBytes { return state.lose() }
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

  private func run() -> Never {
    while true {
      let batch: [Entry] = state.wait { state in
        if state.entries.isEmpty && !state.wantsReopening { return nil }
        state.isWriting = true
        defer { state.entries = [] }
        return state.entries
      }
      reopenIfWanted()
      for entry in batch { write(entry) }
      state.withLock { $0.isWriting = false }
    }
  }

  private func write(_ entry: Entry) {
    switch entry {
    case .gap(let count): insist(gap(count))
    case .item(let item, let bytes):
      insist(item)
      state.withLock { state in
        state.bytes -= bytes
        state.progress.waiting -= 1
      }
    }
  }

  private func insist(_ item: Item) {
    while true {
      reopenIfWanted()
      let calls = state.read { $0.calls }
      do throws(Errno) {
        try write(item)
        return state.withLock { $0.progress.failure = nil }
      } catch {
        state.withLock { $0.progress.failure = error }
      }
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
