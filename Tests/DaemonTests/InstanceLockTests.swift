import Daemon
import Glibc
import System
import Testing

@Suite struct InstanceLockTests {
  private final class Place {
    let folder = "/tmp/stockade-lock-\(UInt64.random(in: 0...UInt64.max))"
    var file: String { "\(folder)/lock" }

    deinit {
      unlink(file)
      rmdir(folder)
    }
  }

  private let place = Place()

  /// Runs a Python program that locks the file, says so, and keeps the lock until its standard input ends.
  private struct Holder {
    let pid: pid_t
    let input: FileDescriptor

    init(_ path: String) throws {
      var ends: [Int32] = [0, 0]
      var outputs: [Int32] = [0, 0]
      try call("make a pipe") { pipe(&ends) }
      try call("make a pipe") { pipe(&outputs) }
      _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
      let program = """
        import fcntl, sys
        file = open("\(path)", "w")
        fcntl.lockf(file, fcntl.LOCK_EX)
        print("held", end="", flush=True)
        sys.stdin.read()
        """
      let streams = [ends[0], outputs[1], 2]
      pid = try spawn("/usr/bin/python3", ["python3", "-c", program], streams: streams, ownGroup: false)
      close(ends[0])
      close(outputs[1])
      input = FileDescriptor(owning: ends[1])
      let said = try FileDescriptor(owning: outputs[0]).read(atMost: 16)
      #expect(said == Array("held".utf8))
    }

    func end() { kill(pid, SIGKILL) }
    func reap() { waitpid(pid, nil, 0) }
  }

  @Test("it is taken where nobody has it, and its folder is made")
  func free() throws {
    guard case .held = try InstanceLock.take(place.file, waitMilliseconds: 0) else {
      Issue.record("nobody has it")
      return
    }
  }

  @Test("whether somebody has it can be asked without taking it")
  func asked() throws {
    #expect(try !InstanceLock.isHeld(place.file), "there is no such file")
    try Files.makeFolder(place.folder)
    let holder = try Holder(place.file)
    #expect(try InstanceLock.isHeld(place.file))
    holder.end()
    holder.reap()
    #expect(try !InstanceLock.isHeld(place.file))
  }

  @Test("who has it is told")
  func taken() throws {
    try Files.makeFolder(place.folder)
    let holder = try Holder(place.file)
    defer {
      holder.end()
      holder.reap()
    }
    guard case .taken(let pid) = try InstanceLock.take(place.file, waitMilliseconds: 50) else {
      Issue.record("it is taken")
      return
    }
    #expect(pid == holder.pid)
  }

  @Test("it is taken as soon as its holder is gone, also where that was killed")
  func waits() throws {
    try Files.makeFolder(place.folder)
    let holder = try Holder(place.file)
    defer { holder.reap() }
    let thread = try Thread { @Sendable in
      usleep(200_000)
      holder.end()
    }
    defer { thread.join() }
    guard case .held = try InstanceLock.take(place.file, waitMilliseconds: 10_000) else {
      Issue.record("its holder is gone")
      return
    }
  }

  @Test("where no folder can be made there is an error, and no lock")
  func impossible() {
    #expect(throws: Errno.self) { try InstanceLock.take("/proc/stockade/lock", waitMilliseconds: 0) }
  }
}
