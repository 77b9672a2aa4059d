import Glibc
import System
import Testing

@testable import RPC

@Suite("a gRPC server on a unix socket")
struct RPCServerTests {
  private let server = try! TestServer()

  @Test("clients that come one after the other get their answers")
  func echo() throws {
    for number in 0..<5 as Range<UInt8> {
      let client = try server.client()
      #expect(try client.call("/test/Echo", [number], seconds: 5) == [number])
      #expect(try client.call("/test/Echo", [], seconds: 5) == [])
    }
    #expect(server.log.isEmpty)
  }

  @Test("a method's own status and text reach the client; so do those of a method that is not there")
  func statuses() throws {
    let client = try server.client()
    #expect(throws: RPCStatus(.notFound, "nothing here")) { try client.call("/test/Fail", [], seconds: 5) }
    #expect(throws: RPCStatus(.unimplemented, "there is no method /test/Nothing")) {
      try client.call("/test/Nothing", [], seconds: 5)
    }
  }

  @Test("a request over the limit is refused, and so is an answer")
  func sizes() throws {
    let client = try server.client()
    let largest = [UInt8](repeating: 3, count: RPCLimits.requestMaxBytes)
    #expect(try client.call("/test/Echo", largest, seconds: 5) == largest)
    let refused = #expect(throws: RPCStatus.self) { try client.call("/test/Echo", largest + [1], seconds: 5) }
    #expect(refused?.code == .invalidArgument || refused?.code == .resourceExhausted)
    let tooLong = #expect(throws: RPCStatus.self) { try client.call("/test/Large", [], seconds: 5) }
    #expect(tooLong?.message == "the answer has 1048577 bytes, over the 1048576 that one may have")
  }

  @Test("a client that waits no longer gets its deadline, and the next call is answered")
  func deadline() throws {
    let client = try server.client()
    let late = #expect(throws: RPCStatus.self) { try client.call("/test/Sleep", [150], seconds: 1) }
    #expect(late?.code == .deadlineExceeded)
    #expect(try client.call("/test/Echo", [1], seconds: 5) == [1])
    // What changes something has a thread of its own, which is busy still.
    #expect(try client.call("/test/Sleep", [0], seconds: 5) == [])
  }

  @Test("a stream's answers come in their order, and a client can end it")
  func stream() throws {
    let client = try server.client()
    var numbers: [UInt8] = []
    try client.follow("/test/Count", [200], seconds: 10) { bytes in
      numbers += bytes
      return true
    }
    #expect(numbers == Array(0..<200))
    var answers = 0
    try client.follow("/test/Silent", [], seconds: 10) { _ in
      answers += 1
      return false
    }
    #expect(answers == 1)
  }

  @Test("a stream that begins slowly holds up no call, and no stream of those that may be open is refused for it")
  func slowStreams() throws {
    let mayBegin = Monitor(false)
    let numbers = Monitor<Int32>(1)
    let slow = RPCMethod.stream("/test/Slow") { (_, _, stream) in
      mayBegin.wait { $0 ? true : nil }
      stream.keepOpen(with: [7])
    }
    // Each connection seems to be another process's, so that there may be many.
    let server = try TestServer(TestServer.methods + [slow]) { _ in
      RPCPeer(
        uid: 0,
        pid: numbers.withLock {
          $0 += 1; return $0
        })
    }
    let begun = Monitor(0)
    let threads = try (0..<RPCLimits.connections - 1).map { _ in
      let client = try server.client()
      nonisolated(unsafe) let own = client
      return try Thread {
        try? own.follow("/test/Slow", [], seconds: 60) { _ in
          begun.withLock { $0 += 1 }
          return false
        }
      }
    }
    let another = try server.client()
    #expect(try another.call("/test/Echo", [1], seconds: 20) == [1])
    mayBegin.withLock { $0 = true }
    for thread in threads { thread.join() }
    #expect(begun.read { $0 } == threads.count)
  }

  @Test("many clients at once get their own answers")
  func many() throws {
    let failures = Monitor(0)
    let threads = try (0..<20).map { number in
      try Thread { [server] in
        do {
          let client = try server.client()
          for round in 0..<20 as Range<UInt8>
          where try client.call("/test/Echo", [UInt8(number), round], seconds: 20) != [UInt8(number), round] {
            failures.withLock { $0 += 1 }
          }
        } catch { failures.withLock { $0 += 1 } }
      }
    }
    for thread in threads { thread.join() }
    // One process may have eight connections at once. The others are closed.
    #expect(failures.read { $0 } <= 20 - RPCLimits.connectionsOfProcess)
  }

  @Test("a client that does not speak HTTP/2 is closed; one that says nothing is closed after a while")
  func preface() throws {
    #expect(try connection(sending: "GET / HTTP/1.1\r\nHost: a\r\n\r\n").isClosed(within: 2000))
    let partial = try connection(sending: "PRI * HT")
    let silent = try connection(sending: "")
    #expect(try !partial.isClosed(within: 1000) && !silent.isClosed(within: 10))
    #expect(try partial.isClosed(within: RPCLimits.prefaceMilliseconds))
    #expect(try silent.isClosed(within: 2000))
  }

  @Test("one that sends a part and goes leaves nothing to do")
  func gone() throws {
    for _ in 0..<20 { _ = try connection(sending: "PRI") }
    #expect(try server.client().call("/test/Echo", [1], seconds: 5) == [1])
  }

  @Test("who is refused is closed before gRPC sees anything of it, and the log says why")
  func refused() throws {
    let server = try TestServer(admit: { _ throws(RPCStatus) in throw RPCStatus(.permissionDenied, "not you") })
    #expect(throws: RPCStatus.self) { try server.client().call("/test/Echo", [], seconds: 5) }
    #expect(server.log == ["a client of the control socket is refused: not you"])
  }

  private func connection(sending text: String) throws -> FileDescriptor {
    let socket = FileDescriptor(owning: Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0))
    try UnixAddress(server.path).connect(socket)
    try socket.write(text.utf8)
    return socket
  }
}

extension FileDescriptor {
  fileprivate func isClosed(within milliseconds: Int) throws -> Bool {
    var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
    guard poll(&polled, 1, Int32(milliseconds)) > 0 else { return false }
    // What was sent and not read makes it a reset.
    return (try? read(atMost: 1).isEmpty) ?? true
  }
}
