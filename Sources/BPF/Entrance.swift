import Synchronization

/// The way into the kernel's tables for everything that is bound or held back. One entry is made at a time.
final class Entrance: Sendable {
  /// How many entries were made.
  private let count = Mutex(UInt64(0))

  /// Runs `write`, which makes one more entry in the tables.
  func enter(_ write: () throws(BPFError) -> Void) throws(BPFError) {
    try count.withLock { (count) throws(BPFError) in
      count += 1
      try write()
    }
  }

  /// Runs `body` while no entry can be made.
  func hold(_ body: () throws(BPFError) -> Void) throws(BPFError) {
    try count.withLock { (_) throws(BPFError) in try body() }
  }

  /// Runs `remove` if the tables are found empty and no entry was made since. No entry can be made while `remove` runs.
  /// Looking may take its time, because nobody waits for it.
  func clear(if isEmpty: () throws(BPFError) -> Bool, _ remove: () throws(BPFError) -> Void) throws(BPFError) {
    let before = count.withLock { $0 }
    guard try isEmpty() else { return }
    try count.withLock { (count) throws(BPFError) in
      if count == before { try remove() }
    }
  }
}
