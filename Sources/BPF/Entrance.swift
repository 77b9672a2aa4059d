import Synchronization

/// The way into the kernel's tables of whoever is bound or held back: one comes at a time.
final class Entrance: Sendable {
  /// How many have come.
  private let count = Mutex(UInt64(0))

  /// Runs `write`, after which one more is in the tables.
  func enter(_ write: () throws(BPFError) -> Void) throws(BPFError) {
    try count.withLock { (count) throws(BPFError) in
      count += 1
      try write()
    }
  }

  /// Runs `body` while nobody comes.
  func hold(_ body: () throws(BPFError) -> Void) throws(BPFError) {
    try count.withLock { (_) throws(BPFError) in try body() }
  }

  /// Runs `remove`, while nobody comes, if the tables are found empty and nobody has come since. Looking may take its
  /// time: nobody waits for it.
  func clear(if isEmpty: () throws(BPFError) -> Bool, _ remove: () throws(BPFError) -> Void) throws(BPFError) {
    let before = count.withLock { $0 }
    guard try isEmpty() else { return }
    try count.withLock { (count) throws(BPFError) in
      if count == before { try remove() }
    }
  }
}
