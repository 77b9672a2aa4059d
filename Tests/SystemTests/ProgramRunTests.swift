import Glibc
import System
import Testing

@Suite struct ProgramRunTests {
  private func shell(_ script: String, seconds: Int = 20) throws(Errno) -> ProgramRun {
    try ProgramRun("/bin/sh", arguments: ["sh", "-c", script], seconds: seconds)
  }

  @Test("both streams and the exit status are had")
  func streams() throws {
    let run = try shell("echo out; echo error >&2; exit 3")
    #expect(run.output == "out\n" && run.error == "error\n" && run.status == 3)
  }

  @Test("a signal that ends it is 128 and its number")
  func signal() throws { #expect(try shell("kill -TERM $$").status == 128 + SIGTERM) }

  @Test("it has no input, and the name that it is given")
  func surroundings() throws { #expect(try shell("cat; echo $0").output == "sh\n") }

  @Test("one that takes too long is killed, with what it started")
  func tooLong() throws {
    let path = "/tmp/stockade-run-\(getpid())"
    defer { unlink(path) }
    try call("make \(path)") { mkfifo(path, 0o600) }
    let pipe = try FileDescriptor(open: path, O_RDONLY | O_NONBLOCK)
    let error = #expect(throws: Errno.self) {
      try shell("exec 3>\(path); echo started >&3; sleep 1000 & wait", seconds: 1)
    }
    #expect(error?.code == ETIMEDOUT && error?.action.hasPrefix("run sh in ") == true)
    #expect(try pipe.read(atMost: 100) == Array("started\n".utf8))
    // The end comes when nothing has the pipe open any more.
    var end = pollfd(fd: pipe.number, events: Int16(POLLIN), revents: 0)
    #expect(poll(&end, 1, 20_000) == 1)
    #expect(try pipe.read(atMost: 100).isEmpty)
  }

  @Test("one that leaves a process behind is not waited for, and that is killed")
  func leftBehind() throws {
    let run = try shell("sleep 1000 & echo done")
    #expect(run.output == "done\n" && run.status == 0)
  }

  @Test("as much as the limit is taken, more is an error")
  func limit() throws {
    #expect(try shell("head -c \(ProgramRun.outputMaxBytes) /dev/zero").output.utf8.count == ProgramRun.outputMaxBytes)
    let error = #expect(throws: Errno.self) { try shell("head -c \(ProgramRun.outputMaxBytes + 1) /dev/zero >&2") }
    #expect(error?.code == EFBIG)
    #expect(throws: Errno.self) { try shell("exec cat /dev/zero") }
  }

  @Test("a program that is not there is an error with its path")
  func missing() throws {
    let error = #expect(throws: Errno.self) {
      try ProgramRun("/nonexistent/program", arguments: ["program"], seconds: 1)
    }
    #expect(error?.description == "cannot run /nonexistent/program: no such file or directory")
  }
}
