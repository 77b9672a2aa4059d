import System
import Testing

@testable import HTTP

@Suite("requests, read strictly")
struct HTTPRequestTests {
  private func parse(_ text: String) -> HTTPRequest.Outcome { HTTPRequest.parse(Array(text.utf8)) }

  @Test(
    "what Prometheus and curl send is read",
    arguments: [
      ("GET /metrics HTTP/1.1\r\nHost: localhost:9487\r\nAccept: text/plain;q=0.5, */*\r\n\r\n", "/metrics", true),
      ("HEAD /healthz HTTP/1.1\r\nhost:\r\n\r\n", "/healthz", false),
      ("GET /metrics?collect[]=a HTTP/1.0\r\n\r\n", "/metrics", true),
      ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\nwhat follows", "/", true),
    ] as [(String, String, Bool)])
  func good(_ text: String, _ path: String, _ wantsBody: Bool) {
    #expect(parse(text) == .request(HTTPRequest(path: path, wantsBody: wantsBody)))
  }

  @Test(
    "wrong requests are refused",
    arguments: [
      "GET /metrics\r\n\r\n", "GET  /metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /metrics HTTP/2.0\r\nHost: a\r\n\r\n",
      "GET /metrics HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET http://a/metrics HTTP/1.1\r\nHost: a\r\n\r\n", "GET /m\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", "G(T /metrics HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "\r\n\r\n",
      // Wrong from the first bytes on, so that nothing more is waited for.
      "GET /metrics HTTP/1.1\n", "GET /\u{0}", "\u{16}\u{3}\u{1}", "GET / HTTP/1.1\rHost",
    ])
  func bad(_ text: String) {
    guard case .refused(.badRequest, let problem) = parse(text) else {
      Issue.record("\(parse(text))")
      return
    }
    #expect(!problem.isEmpty)
  }

  @Test("another method is refused by its own status")
  func methods() {
    for method in ["POST", "OPTIONS", "get"] {
      #expect(
        parse("\(method) /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
          == .refused(.methodNotAllowed, "only GET and HEAD are answered"))
    }
  }

  @Test("wherever a request is cut, the rest is waited for")
  func parts() {
    let text = "GET /metrics HTTP/1.1\r\nHost: a\r\nX: \u{e9}\r\n\r\n"
    for count in 0..<text.utf8.count {
      #expect(HTTPRequest.parse(Array(text.utf8.prefix(count))) == .incomplete, "\(count)")
    }
  }

  @Test("a request at the limit is read, one past it is refused, and so is one that has no end")
  func limit() {
    let (begin, end) = ("GET /metrics HTTP/1.1\r\nHost: a\r\nX: ", "\r\n\r\n")
    let room = HTTPLimits.requestMaxBytes - begin.utf8.count - end.utf8.count
    #expect(
      parse(begin + String(repeating: "x", count: room) + end)
        == .request(HTTPRequest(path: "/metrics", wantsBody: true)))
    for text in [begin + String(repeating: "x", count: room + 1) + end, begin + String(repeating: "x", count: 9000)] {
      guard case .refused(.headersTooLarge, _) = parse(text) else {
        Issue.record("\(parse(text))")
        return
      }
    }
  }

  @Test("the date is as RFC 9110 has it")
  func date() {
    #expect(HTTPAnswer.date(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
    #expect(HTTPAnswer.date(0) == "Thu, 01 Jan 1970 00:00:00 GMT")
  }
}
