import Glibc
import Synchronization
import System
import Testing

@Suite(.timeLimit(.minutes(1))) struct WorkerTests {
  @Test("work that pauses ends when it is stopped, and has ended then")
  func stops() {
    let rounds = Monitor((count: 0, hasEnded: false))
    let worker = Worker { stop in
      repeat { rounds.withLock { $0.count += 1 } } while stop.pause(milliseconds: 1)
      rounds.withLock { $0.hasEnded = true }
    }
    rounds.wait { $0.count > 2 }
    #expect(worker.stop(milliseconds: 30_000))
    #expect(rounds.read { $0.hasEnded })
    #expect(worker.stop(milliseconds: 0), "a second time nothing is left to do")
  }

  @Test("a long pause ends at once, and so does a wait for the descriptor that is given")
  func wakes() throws {
    #expect(Worker { stop in while stop.pause(milliseconds: 3_600_000) {} }.stop(milliseconds: 30_000))
    let end = try Wakeup()
    let worker = Worker(waking: end) { stop in
      var polled = pollfd(fd: end.reader.number, events: Int16(POLLIN), revents: 0)
      while !stop.isAsked { poll(&polled, 1, -1) }
    }
    #expect(worker.stop(milliseconds: 30_000))
  }

  @Test("work that hangs is waited for as long as is said, and left")
  func hangs() {
    let mayEnd = Monitor(false)
    let worker = Worker { _ in mayEnd.wait { $0 } }
    let start = ContinuousClock.now
    #expect(!worker.stop(milliseconds: 10))
    #expect(ContinuousClock.now - start < .seconds(20))
    mayEnd.withLock { $0 = true }
    #expect(worker.stop(milliseconds: 30_000))
  }

  @Test("a thread is joined once, however often it is waited for")
  func joined() throws {
    let count = Atomic(0)
    let thread = try Thread { count.add(1, ordering: .relaxed) }
    thread.join()
    #expect(thread.join(milliseconds: 0))
    thread.join()
    #expect(count.load(ordering: .relaxed) == 1)
  }
}
