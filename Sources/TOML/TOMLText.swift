/// The bytes of a text, and the place that was reached in them.
struct TOMLText {
  private let bytes: [UInt8]
  private(set) var position = 0
  private(set) var line = 1

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// nil: the text is at its end.
  var next: UInt8? { position < bytes.count ? bytes[position] : nil }
  var isAtEnd: Bool { position == bytes.count }

  func startsWith(_ word: String) -> Bool { bytes[position...].starts(with: word.utf8) }

  mutating func advance(_ count: Int = 1) {
    for byte in bytes[position..<position + count] where byte == UInt8(ascii: "\n") { line += 1 }
    position += count
  }

  /// Takes `word` if it comes next.
  mutating func skip(_ word: String) -> Bool {
    guard startsWith(word) else { return false }
    advance(word.utf8.count)
    return true
  }

  mutating func take(while isWanted: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    let start = position
    while let byte = next, isWanted(byte) { advance() }
    return bytes[start..<position]
  }

  mutating func skipBlanks() { _ = take { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") } }

  /// Takes one end of a line: a line feed, with or without a carriage return before it.
  mutating func skipLineEnd() -> Bool { skip("\n") || skip("\r\n") }

  /// Takes blanks, line ends and comments: what may stand between the elements of an array, or between statements.
  mutating func skipSpace() throws(TOMLError) {
    repeat {
      skipBlanks()
      try skipComment()
    } while skipLineEnd()
  }

  mutating func skipComment() throws(TOMLError) {
    guard skip("#") else { return }
    _ = take { !Self.isControl($0) }
    guard isAtEnd || startsWith("\n") || startsWith("\r\n") else {
      throw error("a comment has a control character")
    }
  }

  /// Whether the byte is a control character, which may stand in no comment and no string. A tab may.
  static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 && byte != UInt8(ascii: "\t") || byte == 0x7f }

  func error(_ problem: String) -> TOMLError { TOMLError(line: line, problem: problem) }

  /// An error that names what comes next.
  func unexpected(_ wanted: String) -> TOMLError {
    guard let next else { return error("the text ends where \(wanted) has to come") }
    let found = next > 0x20 && next < 0x7f ? "\"\(Character(UnicodeScalar(next)))\"" : "byte \(next)"
    return error("\(wanted) has to come here, and \(found) comes")
  }
}
