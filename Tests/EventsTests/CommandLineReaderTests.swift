import Glibc
import System
import Testing

@testable import Events

@Suite(.timeLimit(.minutes(1))) struct CommandLineReaderTests {
  @Test("reads what a process was called with")
  func reads() throws {
    // Whatever else the machine does, no time passes.
    let start = ContinuousClock.now
    let reader = CommandLineReader(now: { start })
    for _ in 0..<100 {
      #expect(reader.read(pid: UInt32(getpid())) == EventDecoder.readCommandLine(pid: UInt32(getpid())))
    }
  }

  @Test("a process whose memory hangs holds up its own record only, and not for long")
  func hangs() {
    let isOver = Monitor(false)
    let reader = CommandLineReader { pid in
      if pid == 1 { isOver.wait { $0 } }
      return [UInt8(pid)]
    }
    #expect(reader.read(pid: 2) == [2])
    let start = ContinuousClock.now
    for pid: UInt32 in 1...100 { #expect(reader.read(pid: pid) == nil) }
    #expect(ContinuousClock.now - start < .seconds(2))
    isOver.withLock { $0 = true }
    // Those of a second may wait only so long together.
    while reader.read(pid: 3) != [3] { usleep(1000) }
  }

  @Test("one that is stopped reads nothing more, and where a process's memory hangs that is not waited for")
  func stops() {
    let isOver = Monitor(false)
    let (reader, hanging) = (CommandLineReader { _ in [] }, CommandLineReader { _ in isOver.wait { $0 ? [] : nil } })
    #expect(reader.read(pid: 1) == [])
    reader.stop(milliseconds: 30_000)
    #expect(reader.read(pid: 1) == nil)
    #expect(hanging.read(pid: 1) == nil)
    hanging.stop(milliseconds: 10)
    isOver.withLock { $0 = true }
  }

  @Test("once a record has waited, no other one does in the same second")
  func slow() {
    let time = Monitor(ContinuousClock.now)
    let reader = CommandLineReader(
      readFile: { pid in
        time.withLock { $0 += .milliseconds(CommandLineReader.patienceMilliseconds) }
        return [UInt8(pid)]
      }, now: { time.read { $0 } })
    #expect(reader.read(pid: 1) == [1])
    for pid: UInt32 in 2...9 { #expect(reader.read(pid: pid) == nil) }
    time.withLock { $0 += .seconds(1) }
    #expect(reader.read(pid: 10) == [10])
  }
}
