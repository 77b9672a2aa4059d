import System
import Testing

@testable import Daemon

@Suite(.timeLimit(.minutes(1))) struct RoundsTests {
  private let rounds = Rounds()

  @Test("a round that runs when they end is waited for, and none comes after it")
  func ended() throws {
    let (hasBegun, mayEnd, count) = (Monitor(false), Monitor(false), Monitor(0))
    let thread = try Thread { @Sendable [rounds] in
      rounds.run {
        hasBegun.withLock { $0 = true }
        mayEnd.wait { $0 }
        count.withLock { $0 += 1 }
      }
    }
    hasBegun.wait { $0 }
    #expect(!rounds.end(milliseconds: 10), "it does not end")
    mayEnd.withLock { $0 = true }
    #expect(rounds.end(milliseconds: 30_000))
    #expect(count.read { $0 } == 1)
    rounds.run { count.withLock { $0 += 1 } }
    #expect(count.read { $0 } == 1)
    thread.join()
  }

  @Test("a pause ends when they do")
  func pause() {
    #expect(rounds.pause(milliseconds: 1))
    #expect(rounds.end(milliseconds: 0))
    #expect(!rounds.pause(milliseconds: 3_600_000))
  }
}
