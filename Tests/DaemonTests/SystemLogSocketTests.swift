import Glibc
import Logging
import System
import Testing

@testable import Daemon

/// A socket that is bound as the machine's log is.
private final class Listener: Sendable {
  let path: String
  private let socket: FileDescriptor

  init(_ type: __socket_type, path: String = "/tmp/stockade-log-\(UInt64.random(in: 0...UInt64.max))") throws {
    self.path = path
    socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, Int32(type.rawValue), 0) })
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let number = socket.number
    try call("bind") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    if type == SOCK_STREAM { try call("listen") { listen(number, 1) } }
  }

  deinit { unlink(path) }

  func read() throws -> String { String(decoding: try socket.read(atMost: 65536), as: UTF8.self) }
  func accept() throws -> FileDescriptor {
    FileDescriptor(owning: try call("accept") { Glibc.accept(socket.number, nil, nil) })
  }
}

private let record = LogRecord(level: .warning, nanoseconds: 0, text: "a key=b")

@Suite(.timeLimit(.minutes(1))) struct SystemLogSocketTests {
  @Test("a line has priority, time, name and pid in front")
  func message() throws {
    let listener = try Listener(SOCK_DGRAM)
    try SystemLogSocket(path: listener.path).send(record)
    let text = try listener.read()
    #expect(text.wholeMatch(of: /<28>(Jan  1|Dec 31) \d\d:\d\d:\d\d stockade\[\d+\]: a key=b/) != nil, "\(text)")
  }

  @Test("over a stream each line ends in a NUL")
  func stream() throws {
    let listener = try Listener(SOCK_STREAM)
    try SystemLogSocket(path: listener.path).send(record)
    let text = String(decoding: try listener.accept().read(atMost: 65536), as: UTF8.self)
    #expect(text.hasSuffix(": a key=b\0"))
  }

  @Test("where nobody reads it is an error, and the next line reaches who comes")
  func returning() throws {
    var listener: Listener? = try Listener(SOCK_DGRAM)
    let path = try #require(listener?.path)
    let log = SystemLogSocket(path: path)
    try log.send(record)
    listener = nil
    for _ in 0..<2 { #expect(throws: Errno.self) { try log.send(record) } }
    let next = try Listener(SOCK_DGRAM, path: path)
    try log.send(record)
    #expect(try next.read().hasSuffix("a key=b"))
  }

  @Test("a line at the limit goes whole, and one past it is cut")
  func limit() throws {
    let head = SystemLogSocket.message(LOG_INFO, seconds: 0, "").count
    for (length, expected) in [(SystemLogSocket.lineMaxBytes - head, 0), (SystemLogSocket.lineMaxBytes - head + 1, 1)] {
      let text = String(repeating: "x", count: length)
      let message = SystemLogSocket.message(LOG_INFO, seconds: 0, text)
      #expect(message.count == head + length - expected)
    }
  }
}

@Suite(.timeLimit(.minutes(1))) struct LogOutputTests {
  @Test("a log that nobody reads holds up nobody, and what is lost is told when somebody reads again")
  func unread() throws {
    let isRead = Monitor(false)
    let lines = Monitor([String]())
    let output = LogOutput { record in
      isRead.wait { $0 }
      lines.withLock { $0.append("\(record.level) \(record.text)") }
    }
    let log = Logger(label: "test") { _ in LineLogHandler(level: .info, output) }
    let text = String(repeating: "x", count: 1000 - 64)
    let fits = LogOutput.limitBytes / 1000
    for _ in 0..<fits + 7 { log.info("\(text)") }
    output.flush(milliseconds: 10)
    isRead.withLock { $0 = true }
    output.flush(milliseconds: 10_000)
    let told = lines.withLock { $0 }
    #expect(told.count == fits + 1)
    #expect(told.last == "warning lines of the log are lost count=7")
  }

  @Test(
    "a machine's log that hangs holds up nobody, a stream that takes no connection neither", arguments: [false, true])
  func hangs(isStream: Bool) throws {
    let listener = try Listener(isStream ? SOCK_STREAM : SOCK_DGRAM)
    let filler = SystemLogSocket(path: listener.path)
    let isFilled = Monitor(0)
    // Until it blocks.
    _ = try Thread {
      while (try? (isStream ? SystemLogSocket(path: listener.path) : filler).send(record)) != nil {
        isFilled.withLock { $0 += 1 }
      }
    }
    while true {
      let count = isFilled.withLock { $0 }
      if !isFilled.wait(milliseconds: 200, until: { $0 != count }) { break }
    }
    let output = LogOutput.systemLog(path: listener.path)
    let log = Logger(label: "test") { _ in LineLogHandler(level: .info, output) }
    let start = ContinuousClock.now
    for _ in 0..<10_000 { log.info("a line") }
    output.stop(milliseconds: 10)
    #expect(ContinuousClock.now - start < .seconds(5))
  }
}
