import Glibc

/// A program that was run to its end, and what it said.
package struct ProgramRun: Equatable, Sendable {
  /// The most bytes that each of the two streams may have.
  package static let outputMaxBytes = 1 << 20

  /// The exit status, or 128 plus the number of the signal that ended the program.
  package var status: Int32
  package var output: String
  package var error: String

  /// Runs a program without input, in a process group of its own. What is left of the group at the end is killed.
  ///
  /// - Parameters:
  ///   - path: the program's path; `arguments[0]` is the name that the program sees.
  ///   - seconds: the longest time that it may take.
  /// - Throws: ETIMEDOUT and EFBIG if the program took too long or said too much. Then it is killed.
  package init(_ path: String, arguments: [String], seconds: Int) throws(Errno) {
    let child = try Child(path, arguments)
    let problem: Errno?
    do {
      try child.follow(for: .seconds(seconds), name: arguments[0])
      problem = nil
    } catch { problem = error }
    let end = Result { () throws(Errno) in try child.end() }
    if let problem { throw problem }
    status = try end.get()
    try child.readAll(name: arguments[0])
    output = String(decoding: child.output.bytes, as: UTF8.self)
    error = String(decoding: child.error.bytes, as: UTF8.self)
  }
}

/// A program that runs, and the ends from which its streams are read.
private final class Child {
  let pid: pid_t
  let output: Stream
  let error: Stream

  init(_ path: String, _ arguments: [String]) throws(Errno) {
    let (output, outputWriter) = try Self.outputPair()
    let (error, errorWriter) = try Self.outputPair()
    let input = try FileDescriptor(open: "/dev/null", O_RDONLY)
    pid = try spawn(
      path, arguments, streams: [input, outputWriter, errorWriter].map(\.number), ownGroup: true)
    self.output = Stream(output)
    self.error = Stream(error)
  }

  /// Reads what the program says, until the program has ended.
  func follow(for limit: Duration, name: String) throws(Errno) {
    let process = try ProcessHandle(pid: pid).file
    let deadline = ContinuousClock.now + limit
    while true {
      let streams = [output, error].filter { !$0.isAtEnd }
      let watched = [process.number] + streams.map(\.descriptor.number)
      var events = watched.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
      let left = (deadline - .now).components
      guard left.seconds >= 0, left.attoseconds >= 0 else { throw Errno(ETIMEDOUT, "run \(name) in \(limit)") }
      let milliseconds = Int32(left.seconds) * 1000 + Int32(left.attoseconds / 1_000_000_000_000_000) + 1
      try call("wait for \(name)") { poll(&events, nfds_t(events.count), milliseconds) }
      for (stream, event) in zip(streams, events.dropFirst()) where event.revents != 0 { try stream.read(name) }
      if events[0].revents != 0 { return }
    }
  }

  /// Kills what is left of the process group. The group exists until its leader is waited for. waitpid(2).
  func end() throws(Errno) -> Int32 {
    kill(-pid, SIGKILL)
    return try Children.wait(for: pid)
  }

  /// Reads what the program said last. The ends do not block: a process that left the group may hold the other ends
  /// open.
  func readAll(name: String) throws(Errno) {
    for stream in [output, error] {
      while !stream.isAtEnd, try stream.read(name) {}
    }
  }

  private static func outputPair() throws(Errno) -> (FileDescriptor, FileDescriptor) {
    let (reader, writer) = try FileDescriptor.connectedPair()
    try call("read without waiting") { fcntl(reader.number, F_SETFL, O_NONBLOCK) }
    return (reader, writer)
  }
}

/// What came over one stream so far.
private final class Stream {
  let descriptor: FileDescriptor
  private(set) var bytes: [UInt8] = []
  private(set) var isAtEnd = false

  init(_ descriptor: FileDescriptor) { self.descriptor = descriptor }

  /// - Returns: false: nothing is there now.
  @discardableResult
  func read(_ name: String) throws(Errno) -> Bool {
    let part: [UInt8]
    do { part = try descriptor.read(atMost: 65536) } catch {
      if error.code == EAGAIN { return false }
      throw error
    }
    bytes += part
    isAtEnd = part.isEmpty
    if bytes.count > ProgramRun.outputMaxBytes {
      throw Errno(EFBIG, "take what \(name) says (over \(ProgramRun.outputMaxBytes) bytes)")
    }
    return true
  }
}
