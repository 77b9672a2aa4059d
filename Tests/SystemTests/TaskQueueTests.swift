import Glibc
import Synchronization
import System
import Testing

@Suite struct TaskQueueTests {
  private let done = Monitor<[Int]>([])
  private let isOpen = Monitor(false)

  /// A queue whose thread does a piece that waits for `isOpen`.
  private func held(limit: Int) -> TaskQueue {
    let queue = TaskQueue(limit: limit)
    let isHeld = Monitor(false)
    _ = queue.run { [isOpen] in
      isHeld.withLock { $0 = true }
      isOpen.wait { $0 }
    }
    isHeld.wait { $0 }
    return queue
  }

  @Test("pieces are done in their order, by one other thread")
  func order() {
    let queue = TaskQueue(limit: 100)
    defer { queue.stop() }
    let threads = Mutex<Set<UInt>>([])
    for number in 0..<100 {
      let isTaken = queue.run { [done] in
        threads.withLock { _ = $0.insert(pthread_self()) }
        done.withLock { $0.append(number) }
      }
      #expect(isTaken)
    }
    done.wait { $0.count == 100 }
    #expect(done.read { $0 } == Array(0..<100))
    #expect(threads.withLock { $0.count == 1 && !$0.contains(pthread_self()) })
  }

  @Test("as many pieces wait as the limit says, beside the one that is being done")
  func limit() {
    let queue = held(limit: 2)
    defer { queue.stop() }
    let taken = (1...3).map { number in queue.run { [done] in done.withLock { $0.append(number) } } }
    #expect(taken == [true, true, false])
    isOpen.withLock { $0 = true }
    done.wait { $0 == [1, 2] }
  }

  @Test("the end drops what waits and waits for nothing, and nothing is taken afterwards")
  func end() {
    let queue = held(limit: 2)
    _ = queue.run { [done] in done.withLock { $0.append(1) } }
    queue.stop()
    let isTaken = queue.run {}
    #expect(!isTaken)
    isOpen.withLock { $0 = true }
    #expect(done.read { $0 } == [])
  }
}
