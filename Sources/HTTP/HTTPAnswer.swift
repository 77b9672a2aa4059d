import Glibc

/// What a client gets.
package struct HTTPAnswer: Equatable, Sendable {
  package enum Status: Int, CaseIterable, Sendable {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case headersTooLarge = 431
    case unavailable = 503

    var text: String {
      switch self {
      case .ok: "OK"
      case .badRequest: "Bad Request"
      case .notFound: "Not Found"
      case .methodNotAllowed: "Method Not Allowed"
      case .headersTooLarge: "Request Header Fields Too Large"
      case .unavailable: "Service Unavailable"
      }
    }
  }

  package var status: Status
  package var body: String
  package var contentType: String

  package init(_ status: Status, _ body: String, contentType: String = "text/plain; charset=utf-8") {
    (self.status, self.body, self.contentType) = (status, body, contentType)
  }

  /// The message of RFC 9112.
  func bytes(withoutBody: Bool) -> [UInt8] {
    let content = Array(body.utf8)
    var head = "HTTP/1.1 \(status.rawValue) \(status.text)\r\n"
    head += "Date: \(Self.date(time(nil)))\r\n"
    head += "Content-Type: \(contentType)\r\nContent-Length: \(content.count)\r\n"
    if status == .methodNotAllowed { head += "Allow: GET, HEAD\r\n" }
    head += "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
    return Array(head.utf8) + (withoutBody ? [] : content)
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT`, whatever the locale is. RFC 9110, 5.6.7.
  static func date(_ seconds: time_t) -> String {
    var (seconds, parts) = (seconds, tm())
    gmtime_r(&seconds, &parts)
    let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let two = { (number: Int32) in number < 10 ? "0\(number)" : "\(number)" }
    return "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)]) \(parts.tm_year + 1900) "
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)) GMT"
  }
}
