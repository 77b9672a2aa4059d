import Glibc
import Testing

@testable import System

@Suite struct ChildrenTests {
  @Test(
    "a wait status becomes the shell's exit status",
    arguments: [(0x0000, 0), (0x0700, 7), (0xff00, 255), (9, 137), (0x8b, 139)])
  func exitStatus(status: Int32, expected: Int32) { #expect(Children.exitStatus(ofWait: status) == expected) }

  @Test("a child is known by its handle until it has ended, and waited for once")
  func handle() throws {
    let pid = try spawn("sleep", ["sleep", "600"], streams: [0, 1, 2], ownGroup: false)
    let process = try ProcessHandle(pid: pid)
    #expect(try process.pid() == pid)
    #expect(!process.hasEnded)
    #expect(Children.pids.contains(pid))
    process.send(signal: SIGTERM)
    #expect(try Children.wait(for: pid) == 128 + SIGTERM)
    #expect(process.hasEnded)
    #expect(throws: Errno.self) { try process.pid() }
    #expect(throws: Errno.self) { try Children.wait(for: pid) }
  }
}
