import Glibc
import System
import Testing

@testable import HTTP

@Suite("how many clients may come")
struct ConnectionRateTests {
  @Test("those over the number of a second wait for the next second")
  func rate() {
    let start = ContinuousClock.now
    var rate = ConnectionRate(now: start)
    for _ in 0..<HTTPLimits.connectionsPerSecond {
      #expect(rate.next(now: start) == nil)
      rate.note(now: start)
    }
    #expect(rate.next(now: start) == start + .seconds(1))
    #expect(rate.next(now: start + .seconds(1)) == nil)
    rate.note(now: start + .seconds(1))
    #expect(rate.next(now: start + .milliseconds(1500)) == nil)
  }
}

@Suite("one client of the HTTP server, by a clock of the test's")
struct HTTPConnectionTests {
  private static let request = Array("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
  private let client: FileDescriptor
  private var connection: HTTPConnection
  private let start = ContinuousClock.now

  init() throws {
    signal(SIGPIPE, SIG_IGN)
    let (client, server) = try FileDescriptor.connectedPair()
    (self.client, connection) = (client, HTTPConnection(server, now: start))
  }

  private mutating func proceed(after time: Duration, _ answer: HTTPAnswer? = HTTPAnswer(.ok, "yes")) {
    connection.proceed({ _ in answer }, now: start + time)
  }

  @Test("a client that says nothing, or not all, goes when its time is over")
  mutating func silent() throws {
    try client.write(Self.request.dropLast())
    proceed(after: .seconds(4))
    #expect(connection.phase == .reading)
    proceed(after: HTTPLimits.patience)
    #expect(connection.phase == .over)
  }

  @Test("one that asks gets its answer, whatever else it sends, and goes")
  mutating func answered() throws {
    try client.write(Self.request + Self.request)
    proceed(after: .zero)
    #expect(connection.phase == .draining)
    let text = String(decoding: try client.read(atMost: 9000), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.hasSuffix("\r\n\r\nyes"))
    #expect(text.ranges(of: "HTTP/1.1").count == 1, "the second request has no answer")
    #expect(try client.read(atMost: 1).isEmpty, "the answer has an end")
    try client.write(Self.request)
    proceed(after: .zero)
    #expect(connection.phase == .draining, "what comes then is thrown away")
    proceed(after: HTTPLimits.drainPatience)
    #expect(connection.phase == .over)
  }

  @Test("an answer that is not there in time is 503")
  mutating func late() throws {
    try client.write(Self.request)
    proceed(after: .seconds(1), nil)
    #expect(connection.events == 0, "nothing is waited for but the answer")
    proceed(after: .seconds(5), nil)
    guard case .waiting = connection.phase else {
      Issue.record("\(connection.phase)")
      return
    }
    proceed(after: .seconds(6), nil)
    #expect(String(decoding: try client.read(atMost: 9000), as: UTF8.self).hasPrefix("HTTP/1.1 503 "))
  }

  @Test("one that does not take its answer goes when its time is over")
  mutating func slow() throws {
    try client.write(Self.request)
    let large = HTTPAnswer(.ok, String(repeating: "x", count: 8 << 20))
    proceed(after: .zero, large)
    guard case .writing(_, let sent) = connection.phase else {
      Issue.record("\(connection.phase)")
      return
    }
    #expect(sent > 0)
    proceed(after: .seconds(4))
    #expect(connection.events == Int16(POLLOUT))
    proceed(after: .seconds(5))
    #expect(connection.phase == .over)
  }

  @Test("one that has gone is noticed")
  mutating func gone() throws {
    shutdown(client.number, Int32(SHUT_RDWR))
    proceed(after: .zero)
    #expect(connection.phase == .over)
  }

  @Test("HEAD gets the same head and no body, also where the request is wrong")
  mutating func head() throws {
    try client.write(Array("HEAD /a HTTP/1.1\r\n\r\n".utf8))
    proceed(after: .zero)
    let text = String(decoding: try client.read(atMost: 9000), as: UTF8.self)
    #expect(text.hasPrefix("HTTP/1.1 400 ") && text.hasSuffix("\r\n\r\n") && !text.contains("Content-Length: 0"))
  }
}
