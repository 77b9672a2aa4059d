import System

extension Node {
  /// Reads the one value of a JSON text (RFC 8259); nil: there is none. The limits are those of `parse`.
  ///
  /// - Parameter file: for messages only.
  package static func parseJSON(
    _ bytes: [UInt8], file: String, limits: Limits = Limits()
  ) throws(YAMLError) -> Node? {
    guard bytes.count <= limits.bytes else { throw .tooLarge(file: file, bytes: bytes.count, limit: limits.bytes) }
    var reader = JSONReader(try Encoding.text(bytes, file: file), file: file, nodesMax: limits.nodes)
    return try reader.document()
  }
}

/// Reads JSON as it is written by hand: a message says what to change, and on which line.
struct JSONReader {
  private let bytes: [UInt8]
  private let file: String
  private let nodesMax: Int
  private var position = 0
  private(set) var line = 1
  private var nodes = 0

  init(_ bytes: [UInt8], file: String, nodesMax: Int) {
    (self.bytes, self.file, self.nodesMax) = (bytes, file, nodesMax)
  }

  mutating func document() throws(YAMLError) -> Node? {
    try skipSpace()
    guard next != nil else { return nil }
    let root = try value(depth: 0)
    try skipSpace()
    guard next == nil else { throw problem("\(found) after the end of the value; one file holds one value") }
    return root
  }

  func problem(_ text: String, line: Int? = nil) -> YAMLError {
    .malformed(file: file, line: line ?? self.line, problem: text)
  }

  private mutating func value(depth: Int) throws(YAMLError) -> Node {
    nodes += 1
    guard nodes <= nodesMax else { throw problem("more than \(nodesMax) values") }
    let line = line
    switch next {
    case UInt8(ascii: "{"): return Node(.mapping(try object(try deeper(depth))), line: line)
    case UInt8(ascii: "["): return Node(.sequence(try array(try deeper(depth))), line: line)
    case UInt8(ascii: "\""): return Node(.scalar(text: try text(), isQuoted: true), line: line)
    default: return Node(.scalar(text: try word(), isQuoted: false), line: line)
    }
  }

  private func deeper(_ depth: Int) throws(YAMLError) -> Int {
    guard depth < Node.depthMax else { throw problem("nested deeper than \(Node.depthMax) levels") }
    return depth + 1
  }

  private mutating func array(_ depth: Int) throws(YAMLError) -> [Node] {
    let list = try open("[")
    var elements: [Node] = []
    while try goesOn(list, isFirst: elements.isEmpty) { elements.append(try value(depth: depth)) }
    return elements
  }

  private mutating func object(_ depth: Int) throws(YAMLError) -> [Node.Entry] {
    let members = try open("{")
    var entries: [Node.Entry] = []
    var lines: [String: Int] = [:]
    while try goesOn(members, isFirst: entries.isEmpty) {
      let line = line
      let key = try key()
      if let first = lines.updateValue(line, forKey: key) {
        throw problem("the key \(quoted(key)) is already at line \(first); remove one of them", line: line)
      }
      entries.append(.init(key: key, line: line, value: try value(depth: depth)))
    }
    return entries
  }

  /// A key and its colon, up to the value.
  private mutating func key() throws(YAMLError) -> String {
    guard next == UInt8(ascii: "\"") else {
      throw problem("\(found) where a key in double quotes belongs")
    }
    let key = try text()
    try skipSpace()
    guard next == UInt8(ascii: ":") else { throw problem("a colon is missing after the key \(quoted(key))") }
    advance()
    try skipSpace()
    return key
  }
}

/// Brackets and commas.
extension JSONReader {
  private struct Brackets {
    var open: Character
    var close: Character
    var line: Int
  }

  private mutating func open(_ bracket: Character) throws(YAMLError) -> Brackets {
    let brackets = Brackets(open: bracket, close: bracket == "[" ? "]" : "}", line: line)
    advance()
    try skipSpace()
    return brackets
  }

  /// Whether there is another element. Takes the comma before it, or the bracket that closes.
  private mutating func goesOn(_ brackets: Brackets, isFirst: Bool) throws(YAMLError) -> Bool {
    try skipSpace()
    if next == brackets.close.asciiValue {
      advance()
      return false
    }
    if isFirst, isOther(brackets) || next == nil { throw unclosed(brackets) }
    if isFirst { return true }
    guard next == UInt8(ascii: ",") else {
      throw next == nil || isOther(brackets) ? unclosed(brackets) : problem("a comma is missing before \(found)")
    }
    let line = line
    advance()
    try skipSpace()
    guard next != brackets.close.asciiValue else {
      throw problem("a comma before the \(brackets.close) that closes; remove it", line: line)
    }
    return true
  }

  private func isOther(_ brackets: Brackets) -> Bool {
    next == (brackets.close == "]" ? UInt8(ascii: "}") : UInt8(ascii: "]"))
  }

  private func unclosed(_ brackets: Brackets) -> YAMLError {
    guard next != nil else {
      return problem("the \(brackets.open) is never closed; add \(brackets.close)", line: brackets.line)
    }
    return problem("the \(brackets.open) of line \(brackets.line) is closed by \(found); write \(brackets.close)")
  }
}

/// Characters and words.
extension JSONReader {
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] == UInt8(ascii: "\n") { line += 1 }
      position += 1
    }
  }

  func ahead(_ count: Int) -> ArraySlice<UInt8> { bytes[position...].prefix(count) }

  private mutating func skipSpace() throws(YAMLError) {
    while let byte = next, " \t\r\n".utf8.contains(byte) { advance() }
    if next == UInt8(ascii: "#") || ahead(2) == Array("//".utf8)[...] || ahead(2) == Array("/*".utf8)[...] {
      throw problem("a comment, which JSON does not have; remove it")
    }
  }

  /// What stands here, for messages: a word, or one character.
  private var found: String {
    guard let byte = next else { return "the end of the file" }
    if byte == UInt8(ascii: "\"") {
      var copy = self
      if let text = try? copy.text() { return quoted(text) }
    }
    let word = ahead(Self.wordMaxBytes).prefix(while: Self.isOfWord)
    if !word.isEmpty { return String(decoding: word, as: UTF8.self) }
    return String(decoding: ahead(4), as: UTF8.self).first.map { printable(String($0)) } ?? ""
  }

  /// Longer words are cut in messages; no word that JSON has is as long, and no number that is of use.
  private static let wordMaxBytes = 64

  private static func isOfWord(_ byte: UInt8) -> Bool {
    Character(UnicodeScalar(byte)).isASCII
      && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
        || "+-._".utf8.contains(byte))
  }

  /// `true`, `false`, `null` or a number.
  private mutating func word() throws(YAMLError) -> String {
    let word = String(decoding: bytes[position...].prefix(while: Self.isOfWord), as: UTF8.self)
    switch word {
    case "true", "false", "null": break
    case _ where Self.isNumber(word): break
    case "": throw problem("\(found) where a value belongs\(next == UInt8(ascii: "'") ? "; texts are in \"" : "")")
    case _ where "+-.0123456789".contains(word.prefix(1)):
      throw problem("\(found) is no number of JSON; write decimal digits, without + and without a zero before them")
    default: throw problem("\(found) is no value of JSON; put a text in double quotes")
    }
    advance(word.utf8.count)
    return word
  }

  /// `-12.5e+3`
  private static func isNumber(_ word: String) -> Bool {
    var rest = word.utf8.drop { $0 == UInt8(ascii: "-") }
    guard word.utf8.count - rest.count <= 1 else { return false }
    let whole = rest.prefix(while: isDigit)
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { return false }
    rest = rest.dropFirst(whole.count)
    if rest.first == UInt8(ascii: ".") {
      let digits = rest.dropFirst().prefix(while: isDigit)
      guard !digits.isEmpty else { return false }
      rest = rest.dropFirst(1 + digits.count)
    }
    guard let exponent = rest.first else { return true }
    guard exponent | 0x20 == UInt8(ascii: "e") else { return false }
    rest = rest.dropFirst()
    if let sign = rest.first, "+-".utf8.contains(sign) { rest = rest.dropFirst() }
    return !rest.isEmpty && rest.allSatisfy(isDigit)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
