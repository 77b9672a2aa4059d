/// The first request of a connection, as far as it is of interest. RFC 9112, read strictly.
struct HTTPRequest: Equatable, Sendable {
  /// The path without what follows a `?`.
  var path: String
  var wantsBody: Bool

  enum Outcome: Equatable, Sendable {
    /// More must come.
    case incomplete
    case request(HTTPRequest)
    case refused(HTTPAnswer.Status, String)
  }

  /// - Parameter bytes: all that came so far. What follows the request is not looked at.
  static func parse(_ bytes: [UInt8]) -> Outcome {
    guard let end = endOfHead(bytes) else {
      // A request that is wrong already need not be waited for.
      if let problem = problemOfBytes(bytes[...]) { return .refused(.badRequest, problem) }
      return bytes.count < HTTPLimits.requestMaxBytes ? .incomplete : tooLong
    }
    if end > HTTPLimits.requestMaxBytes { return tooLong }
    let head = bytes[..<(end - 4)]
    if let problem = problemOfBytes(head) { return .refused(.badRequest, problem) }
    var lines = split(head).map { String(decoding: $0, as: UTF8.self) }
    let first = lines.removeFirst()
    return read(first, lines)
  }

  private static var tooLong: Outcome {
    .refused(.headersTooLarge, "a request has at most \(HTTPLimits.requestMaxBytes) bytes")
  }

  /// The place behind the empty line.
  private static func endOfHead(_ bytes: [UInt8]) -> Int? {
    let mark: [UInt8] = [13, 10, 13, 10]
    guard bytes.count >= mark.count else { return nil }
    return (0...(bytes.count - mark.count)).first { bytes[$0..<($0 + mark.count)].elementsEqual(mark) }
      .map { $0 + mark.count }
  }

  /// Lines end with CR and LF, and neither stands alone. There are no other control characters.
  private static func problemOfBytes(_ bytes: ArraySlice<UInt8>) -> String? {
    for (place, byte) in zip(bytes.indices, bytes) {
      switch byte {
      case 10 where place == bytes.startIndex || bytes[place - 1] != 13: return "a line ends without CR"
      case 13 where place + 1 < bytes.endIndex && bytes[place + 1] != 10: return "a CR stands alone"
      case 10, 13, 9, 0x20...0x7e, 0x80...0xff: break
      default: return "a control character is in the request"
      }
    }
    return nil
  }

  private static func split(_ head: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    head.split(separator: 10, omittingEmptySubsequences: false).map { $0.last == 13 ? $0.dropLast() : $0 }
  }

  private static func read(_ first: String, _ headers: [String]) -> Outcome {
    let words = first.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, !words[0].isEmpty, words[0].utf8.allSatisfy(isToken),
      ["HTTP/1.0", "HTTP/1.1"].contains(words[2])
    else { return .refused(.badRequest, "the first line is not METHOD /PATH HTTP/1.1") }
    guard words[1].utf8.first == UInt8(ascii: "/"), words[1].utf8.allSatisfy({ 0x21...0x7e ~= $0 }) else {
      return .refused(.badRequest, "the path does not begin with a slash, or is not ASCII")
    }
    if let problem = problem(of: headers, needsHost: words[2] == "HTTP/1.1") { return .refused(.badRequest, problem) }
    guard words[0] == "GET" || words[0] == "HEAD" else {
      return .refused(.methodNotAllowed, "only GET and HEAD are answered")
    }
    let path = words[1].prefix { $0 != "?" && $0 != "#" }
    return .request(HTTPRequest(path: String(path), wantsBody: words[0] == "GET"))
  }

  /// A request with a body is refused: where it ends would be somebody's guess.
  private static func problem(of headers: [String], needsHost: Bool) -> String? {
    var hosts = 0
    for header in headers {
      guard let colon = header.utf8.firstIndex(of: UInt8(ascii: ":")), colon != header.startIndex,
        header.utf8[..<colon].allSatisfy(isToken)
      else { return "a header is not NAME: VALUE" }
      let value = header.utf8[header.utf8.index(after: colon)...].filter { $0 != 0x20 && $0 != 9 }
      switch header[..<colon].lowercased() {
      case "host": hosts += 1
      case "transfer-encoding": return "the request has a body"
      case "content-length": if value != [UInt8(ascii: "0")] { return "the request has a body" }
      default: break
      }
    }
    if hosts > 1 { return "there are several Host headers" }
    return hosts == 0 && needsHost ? "there is no Host header" : nil
  }

  /// A character of a name. RFC 9110, 5.6.2.
  private static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"):
      true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
