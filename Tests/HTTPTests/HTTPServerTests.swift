import Glibc
import System
import Testing

@testable import HTTP

@Suite("an HTTP server on a unix socket", .timeLimit(.minutes(1)))
struct HTTPServerTests {
  private let server = try! TestServer()

  private func get(_ path: String, _ method: String = "GET") throws -> String {
    try server.ask("\(method) \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
  }

  @Test("pages are answered, and each client is told when the answer ends")
  func pages() throws {
    let text = try get("/quick")
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\nquick"))
    #expect(text.contains("\r\nContent-Length: 5\r\n") && text.contains("\r\nConnection: close\r\n"))
    #expect(try get("/slow").hasSuffix("\r\n\r\nslow 1"))
    #expect(try get("/quick", "HEAD").hasSuffix("\r\n\r\n"))
    #expect(try get("/other").hasPrefix("HTTP/1.1 404 "))
    #expect(try get("/quick", "PUT").contains("\r\nAllow: GET, HEAD\r\n"))
    #expect(try get("/" + String(repeating: "a", count: 5000)).hasPrefix("HTTP/1.1 431 "))
  }

  @Test("a slow page is made once for all who ask while it is made, and holds no other page up")
  func slow() throws {
    server.isHeld.withLock { $0 = true }
    let waiting = try (0..<5).map { _ in try server.connection(sending: "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n") }
    for _ in 0..<3 { #expect(try get("/quick").hasSuffix("quick")) }
    server.isHeld.withLock { $0 = false }
    for client in waiting { #expect(try client.all().hasSuffix("slow 1")) }
  }

  @Test("clients that say nothing, or take nothing, keep nobody out")
  func idle() throws {
    let silent = try (0..<(2 * HTTPLimits.connections)).map {
      try server.connection(sending: $0 % 2 == 0 ? "" : "GET ")
    }
    let greedy = try (0..<HTTPLimits.connections).map { _ in
      try server.connection(sending: "GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
    }
    for _ in 0..<20 { #expect(try get("/quick").hasSuffix("quick")) }
    withExtendedLifetime((silent, greedy)) {}
  }

  @Test("many clients at once all get their answer")
  func many() throws {
    let threads = try (0..<40).map { _ in
      try Thread { [server] in
        for _ in 0..<5 where (try? server.ask("GET /quick HTTP/1.1\r\nHost: a\r\n\r\n").hasSuffix("quick")) != true {
          server.failures.withLock { $0 += 1 }
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(server.failures.read { $0 } == 0)
  }

  @Test("garbage ends its connection, and the next client is answered")
  func garbage() throws {
    var bytes = [UInt8](repeating: 0, count: 5000)
    for _ in 0..<50 {
      for index in bytes.indices { bytes[index] = UInt8.random(in: 0...255) }
      let client = try server.connection(sending: "")
      try? client.write(bytes.prefix(Int.random(in: 1...bytes.count)))
      _ = shutdown(client.number, Int32(SHUT_WR))
      _ = try? client.all()
    }
    #expect(try get("/quick").hasSuffix("quick"))
  }

  @Test("the socket is for its owner alone, and goes with the server")
  func socketFile() throws {
    _ = try get("/quick")
    #expect(try Files.status(server.path).st_mode & 0o777 == 0o600)
    server.server.stop(milliseconds: 5000)
    #expect(!Files.exists(server.path))
  }
}

@Suite("addresses that are in use, or must not be used", .timeLimit(.minutes(1)))
struct HTTPAddressTests {
  private let scratch = ScratchFolder()
  private var folder: String { scratch.path }

  private func error(_ path: String) -> Int32? {
    do { _ = try HTTPListener(.unix(path: path)) } catch { return error.code }
    return nil
  }

  @Test("a socket at which somebody listens is left to them; one that an earlier process left is replaced")
  func inUse() throws {
    let path = "\(folder)/s"
    var first: HTTPListener? = try HTTPListener(.unix(path: path))
    #expect(error(path) == EADDRINUSE)
    withExtendedLifetime(first) {}
    first = nil
    let second = try HTTPListener(.unix(path: path))
    second.remove()
    #expect(!Files.exists(path))
  }

  @Test("what is no socket is not replaced, and a folder into which others may write is not used")
  func others() throws {
    try Files.write("text", to: "\(folder)/file")
    #expect(error("\(folder)/file") == EEXIST)
    chmod(folder, 0o755)
    #expect(error("\(folder)/s") == nil)
    #expect(try Files.status(folder).st_mode & 0o777 == 0o755, "the folder is left as it is")
    chmod(folder, 0o777)
    #expect(error("\(folder)/s") == EPERM)
  }

  @Test("a loopback port that is in use is told once, and served when it is free")
  func port() throws {
    let (listener, port) = try Self.anyPort()
    #expect(throws: Errno.self) { try HTTPListener(.loopback(isIPv6: false, port: port)) }
    let told = Monitor<[String?]>([])
    let server = try HTTPServer(at: .loopback(isIPv6: false, port: port), pages: [:]) { problem in
      told.withLock { $0.append(problem) }
    }
    told.wait { !$0.isEmpty }
    #expect(told.read { $0 } == ["cannot listen on 127.0.0.1:\(port): address already in use"])
    close(listener)
    told.wait { $0.last == .some(nil) }
    #expect(told.read { $0.count } == 2)
    server.stop(milliseconds: 5000)
  }

  /// The listener keeps the port until it is closed.
  private static func anyPort() throws -> (Int32, UInt16) {
    let file = try LoopbackSocket.listen(isIPv6: false, port: 0, backlog: 1)
    var (address, size) = (sockaddr_in(), socklen_t(MemoryLayout<sockaddr_in>.size))
    try withUnsafeMutablePointer(to: &address) {
      try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = try call("ask for the port") { getsockname(file.number, address, &size) }
      }
    }
    #expect(address.sin_addr.s_addr == UInt32(0x7f00_0001).bigEndian)
    return (dup(file.number), UInt16(bigEndian: address.sin_port))
  }

  @Test(
    "addresses that others than this node reach are none",
    arguments: [
      "0.0.0.0:9487", "127.0.0.2:9487", "192.168.0.1:9487", "[::]:9487", "localhost:9487", ":9487", "127.0.0.1",
      "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+80", "127.0.0.1:08", "::1:9487", "[::1]", "",
      "unix://", "unix:///", "unix://run/s", "unix:/run/s", "unix:///run//s", "unix:///run/../s", "unix:///run/s/",
      "/run/s", "unix:///run/../\u{301}s", "unix:///" + String(repeating: "a", count: 107),
    ])
  func refused(_ text: String) { #expect(LocalAddress(text) == nil) }

  @Test("and these are some, which are written as they are read")
  func accepted() {
    #expect(LocalAddress("127.0.0.1:1") == .loopback(isIPv6: false, port: 1))
    #expect(LocalAddress("[::1]:65535") == .loopback(isIPv6: true, port: 65535))
    let longest = "/" + String(repeating: "a", count: 106)
    for text in ["unix:///run/stockade/metrics.sock", "127.0.0.1:9487", "[::1]:9487", "unix://" + longest] {
      #expect(LocalAddress(text)?.description == text)
    }
  }
}
