import Glibc
import Synchronization
import System
import Testing

@testable import RPC

@Suite("what one client may do")
struct ConnectionTests {
  private let connections = Connections()

  private func add() throws -> (number: Int32, theirs: FileDescriptor) {
    let (ours, theirs) = try FileDescriptor.connectedPair()
    return (try connections.add(ours, RPCPeer(uid: 0, pid: 7)), theirs)
  }

  private func isCut(_ theirs: FileDescriptor) -> Bool {
    var polled = pollfd(fd: theirs.number, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) == 1
  }

  @Test("a number comes again only long after its connection ended")
  func numbers() throws {
    let first = try add()
    let second = try add()
    connections.remove(second.number)
    close(second.number)
    let third = try add()
    #expect(third.number > second.number && second.number > first.number)
    for number in [first.number, third.number] { close(number) }
  }

  @Test("a client with too many open calls is cut off, and so is one that begins too many in a second")
  func calls() throws {
    let many = try add()
    for _ in 0..<RPCLimits.callsOfConnection { _ = connections.noteCall(many.number) }
    #expect(!isCut(many.theirs))
    guard case .tooMany = connections.noteCall(many.number) else { return #expect(Bool(false)) }
    #expect(isCut(many.theirs))
    let fast = try add()
    var refused = 0
    for _ in 0..<(2 * RPCLimits.callsPerSecond + 1) {
      if case .tooMany = connections.noteCall(fast.number) { refused += 1 }
      connections.noteEnd(fast.number)
    }
    #expect(refused > 0 && isCut(fast.theirs))
    if connections.noteCall(99_999) != nil { #expect(Bool(false)) }
  }

  @Test("a client that takes nothing for too long is cut off; one that takes something is not")
  func stalled() throws {
    let (slow, working) = (try add(), try add())
    for number in [slow.number, slow.number, working.number] { connections.noteSend(number) }
    connections.noteSent(working.number)
    let late = ContinuousClock.now + .milliseconds(RPCLimits.sendMilliseconds + 1)
    connections.cutStalled()
    #expect(!isCut(slow.theirs))
    connections.cutStalled(now: late)
    #expect(isCut(slow.theirs) && !isCut(working.theirs))
  }

  @Test("the log has a few lines a minute of those who are refused, and then how many more there were")
  func refusals() {
    let log = RefusalLog()
    let told = Mutex<[String]>([])
    let start = ContinuousClock.now
    func note(_ reason: String, _ seconds: Int) {
      log.note(reason, now: start + .seconds(seconds)) { line in told.withLock { $0.append(line) } }
    }
    for number in 0..<1000 { note("r\(number % 7)", 0) }
    #expect(told.withLock { $0.count } == 5)
    note("r0", 61)
    #expect(
      told.withLock { $0.suffix(2) } == [
        "995 more clients of the control socket were refused", "a client of the control socket is refused: r0",
      ])
  }
}
