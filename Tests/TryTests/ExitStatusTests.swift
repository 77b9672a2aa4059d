import System
import Testing

@testable import Try

@Suite("exit statuses")
struct ExitStatusTests {
  @Test(
    "what runc says of a command that it cannot start becomes docker's exit status",
    arguments: [
      (
        #"runc create failed: unable to start container process: exec: "nosuch": executable file not found in $PATH"#,
        127
      ),
      (#"runc create failed: unable to start container process: exec: "/x": stat /x: no such file or directory"#, 127),
      (#"runc create failed: unable to start container process: exec: "/etc/passwd": permission denied"#, 126),
      ("runc create failed: unable to start container process: error adding seccomp filter: permission denied", 125),
      ("runc create failed: no such file or directory", 125),
    ])
  func runc(message: String, expected: Int32) { #expect(Runc.exitStatus(forMessage: message) == expected) }

  @Test("the message of runc's last log line is found, its escapes undone")
  func log() {
    let log =
      #"{"level":"warning","msg":"first","time":"t"}"# + "\n" + #"{"level":"error","msg":"a \"b\"\n\\c","time":"t"}"#
      + "\n"
    #expect(Runc.message(inLog: log) == #"a "b" \c"#)
    #expect(Runc.message(inLog: "") == nil)
    #expect(Runc.message(inLog: #"{"msg":"cut"#) == nil)
  }

  @Test("the summary of a series has the most frequent exit first")
  func summary() {
    #expect(
      Report.summary(of: [0: 1, 137: 198, 1: 1])
        == "200 runs: 198 with exit status 137, 1 with exit status 0, 1 with exit status 1")
  }

  @Test("a static program needs no loader, a dynamic one does, and so does what is no program")
  func loader() {
    var elf: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2] + Array(repeating: 0, count: 59)
    elf[32] = 64  // program headers at 64
    elf[54] = 56  // of 56 bytes each
    elf[56] = 1  // one of them
    let load: [UInt8] = [1] + Array(repeating: 0, count: 55)
    let interpreter: [UInt8] = [3] + Array(repeating: 0, count: 55)
    #expect(!BusyBox.needsLoader(elf + load))
    #expect(BusyBox.needsLoader(elf + interpreter))
    #expect(BusyBox.needsLoader(Array((elf + load).dropLast())))
    #expect(BusyBox.needsLoader([]))
    #expect(BusyBox.needsLoader(Array("#!/bin/sh\n".utf8)))
  }

  @Test(
    "a percentile is the least value that so many do not exceed",
    arguments: [(1, 50, 1), (1, 99, 1), (4, 50, 2), (200, 99, 198)])
  func percentile(count: Int, percent: Int, expected: Int) {
    let durations = (1...count).map { Duration.microseconds($0) }
    #expect(CallTimes.percentile(percent, of: durations) == .microseconds(expected))
  }
}
