import Glibc
import System
import Testing

@testable import Keeper

@Suite struct KeptTests {
  @Test("a configuration says nothing until it is there as a whole, and then never changes")
  func sealedText() throws {
    let text = try SealedText(name: "test")
    #expect(try text.read() == nil)
    try text.file.write("logLe".utf8)
    #expect(try text.read() == nil, "whoever wrote it may have ended halfway")
    let other = try SealedText(name: "test")
    try other.write("logLevel: debug\n")
    #expect(try other.read() == "logLevel: debug\n")
    #expect(throws: Errno.self) { try other.write("more") }
    #expect(try other.read() == "logLevel: debug\n")
    let empty = try SealedText(name: "test")
    try empty.write("")
    #expect(try empty.read() == "")
  }

  @Test("who is busy for longer than the runtime waits shows no sign of life")
  func late() {
    let heartbeat = Heartbeat()
    #expect(!heartbeat.isBusy && !heartbeat.isLate)
    heartbeat.during { #expect(heartbeat.isBusy && !heartbeat.isLate) }
    heartbeat.during(limit: .seconds(-1)) { #expect(heartbeat.isLate) }
    heartbeat.setLimit(.seconds(-1))
    heartbeat.during { #expect(heartbeat.isLate) }
    #expect(!heartbeat.isBusy && !heartbeat.isLate)
  }

  @Test("a call that is refused ends the time of that call")
  func refused() {
    struct Refused: Error {}
    let heartbeat = Heartbeat()
    #expect(throws: Refused.self) { try heartbeat.during { throw Refused() } }
    #expect(!heartbeat.isBusy)
  }

  @Test("a keeper and a kept one refuse to run where nobody gave them their descriptors")
  func descriptors() {
    #expect(KeptDescriptors.adopt([1 << 20]) == nil)
  }

  @Test("one that cannot be watched is ended again")
  func unwatched() throws {
    var started: pid_t = 0
    #expect(throws: Errno.self) {
      _ = try KeptDescriptors.startWatched(["of a test"], []) { pid throws(Errno) in
        started = pid
        throw Errno(EMFILE, "watch it")
      }
    }
    #expect(started > 0 && kill(started, 0) == -1 && errno == ESRCH)
  }
}
