import Synchronization

/// How far an `OutputQueue` is.
package struct OutputProgress: Equatable, Sendable {
  /// How many items were lost since the start.
  package var lost = 0
  /// Items that are not written yet. After `stop` none of them is written any more, but for one with which the thread
  /// may be busy.
  package var waiting = 0
  /// Why the last try failed; nil: it did not fail, or no try has ended yet.
  package var failure: Errno?

  package init(lost: Int = 0, waiting: Int = 0, failure: Errno? = nil) {
    (self.lost, self.waiting, self.failure) = (lost, waiting, failure)
  }
}

/// Why an item found the queue full.
package enum QueueLoss: String, CaseIterable, Sendable {
  /// The reader does not take items fast enough.
  case full
  /// The last try to write failed.
  case error
}

/// Items on their way to a reader that may not take them: a full disk, a pipe that nobody reads, a log that hangs.
///
/// The thread that puts an item in never waits for the reader. A thread of the queue's own writes one item after the
/// other. If an item fails, it is tried again until it can be written. An item that finds the queue full is lost. In
/// its place the reader finds how many items were lost. The thread goes on until `stop`.
package final class OutputQueue<Item: Sendable>: Sendable {
  /// What it takes to keep an item, beside the item's own bytes.
  private static var overheadBytes: Int { 64 }
  /// The time after a failure until the next try.
  private static var retryMilliseconds: Int { 500 }

  private enum Entry {
    case item(Item, bytes: Int)
    /// This many items were lost here.
    case gap(Int)
  }

  private struct State {
    var entries: [Entry] = []
    /// The size of what is in `entries`, and of what the thread has taken and not written.
    var bytes = 0
    var isWriting = false
    var isStopping = false
    var wantsReopening = false
    /// Rises when the thread must try again at once.
    var calls = 0
    var progress = OutputProgress()

    mutating func lose(_ lost: Int) -> QueueLoss? {
      progress.lost += lost
      let loss = lost == 0 ? nil : progress.failure == nil ? QueueLoss.full : .error
      // Nobody would read about it any more.
      if isStopping { return loss }
      if case .gap(let count) = entries.last {
        entries[entries.count - 1] = .gap(count + lost)
      } else {
        entries.append(.gap(lost))
      }
      return loss
    }
  }

  private let state = Monitor(State())
  private let limitBytes: Int
  private let size: @Sendable (Item) -> Int
  private let gap: @Sendable (Int) -> Item?
  private let write: @Sendable (Item) throws(Errno) -> Void
  private let reopening: @Sendable () -> Void
  private let thread = Mutex<Thread?>(nil)
  /// The time for a thread that has nothing left to write.
  private static var endMilliseconds: Int { 20 }

  /// - Parameters:
  ///   - limitBytes: the limit for everything that waits. Each item counts 64 bytes more.
  ///   - size: the size of one item.
  ///   - gap: what is written where this many items were lost; nil: nothing. Called on the queue's thread.
  ///   - write: called on the queue's thread; may block. After an error it is called with the same item again.
  ///   - reopen: called on that thread after `reopen`.
  ///   - isVital: whether the queue is a part of what the process is for: then the process ends if there can be no
  ///     thread. Else `start` must be called.
  package init(
    limitBytes: Int, size: @escaping @Sendable (Item) -> Int, gap: @escaping @Sendable (Int) -> Item?,
    write: @escaping @Sendable (Item) throws(Errno) -> Void, reopen: @escaping @Sendable () -> Void = {},
    isVital: Bool = true
  ) {
    (self.limitBytes, self.size, self.gap, self.write, reopening) = (limitBytes, size, gap, write, reopen)
    if isVital { do { try start() } catch { endHard(error) } }
  }

  /// Starts the thread.
  package func start() throws(Errno) {
    let started = try Thread { [self] in run() }
    thread.withLock { $0 = started }
  }

  /// Never blocks.
  ///
  /// - Parameter keep: called if the queue is full. If it returns true, the item is not counted as lost: the next gap
  ///   will say what the item said.
  /// - Returns: why the item is lost; nil: it will be written, or was kept.
  @discardableResult
  package func put(_ item: Item, orKeep keep: () -> Bool = { false }) -> QueueLoss? {
    let bytes = size(item) + Self.overheadBytes
    return state.withLock { state in
      if state.isStopping { return state.lose(1) }
      if state.bytes + bytes > limitBytes { return state.lose(keep() ? 0 : 1) }
      state.entries.append(.item(item, bytes: bytes))
      state.bytes += bytes
      state.progress.waiting += 1
      return nil
    }
  }

  package var progress: OutputProgress { state.read { $0.progress } }

  /// Lets the thread open anew what it writes to, between two items.
  package func reopen() {
    state.withLock { state in
      state.wantsReopening = true
      state.calls += 1
    }
  }

  /// Waits until everything is written, at most this long.
  ///
  /// - Returns: whether everything is written.
  @discardableResult
  package func flush(milliseconds: Int) -> Bool {
    state.withLock { $0.calls += 1 }
    return state.wait(milliseconds: milliseconds) { !$0.isWriting && $0.entries.isEmpty }
  }

  /// Waits until everything is written, at most this long, and ends the thread. A thread that a write holds is left
  /// behind, because nobody knows how long the write takes. What is not written, and what is put in from now on, is
  /// lost.
  package func stop(milliseconds: Int) {
    flush(milliseconds: milliseconds)
    state.withLock { state in
      state.isStopping = true
      state.calls += 1
    }
    thread.withLock { $0 }?.join(milliseconds: Self.endMilliseconds)
  }

  /// As `stop`, but waits for nothing.
  package func abandon() {
    state.withLock { state in
      state.isStopping = true
      state.calls += 1
    }
  }

  private func run() {
    while let batch = nextBatch() {
      reopenIfWanted()
      // After an item that could not be written before the end, no other item is written.
      guard batch.allSatisfy(write) else { return }
      state.withLock { $0.isWriting = false }
    }
  }

  /// nil: the queue was stopped.
  private func nextBatch() -> [Entry]? {
    state.wait { state -> [Entry]?? in
      if state.isStopping { return .some(nil) }
      if state.entries.isEmpty && !state.wantsReopening { return nil }
      state.isWriting = true
      defer { state.entries = [] }
      return state.entries
    }
  }

  /// - Returns: whether the entry is written.
  private func write(_ entry: Entry) -> Bool {
    switch entry {
    case .gap(let count): return gap(count).map { insist($0) { _ in } } ?? true
    case .item(let item, let bytes):
      return insist(item) { state in
        state.bytes -= bytes
        state.progress.waiting -= 1
      }
    }
  }

  /// - Parameter written: counts the item as written.
  /// - Returns: false: the item could not be written before the end.
  private func insist(_ item: Item, written: (inout State) -> Void) -> Bool {
    // Whoever stopped the queue counts what waits as lost.
    if state.read({ $0.isStopping }) { return false }
    while true {
      reopenIfWanted()
      let calls = state.read { $0.calls }
      do {
        try write(item)
        state.withLock { state in
          state.progress.failure = nil
          written(&state)
        }
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
