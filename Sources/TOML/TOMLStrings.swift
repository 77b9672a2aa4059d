extension TOMLParser {
  mutating func basicString() throws(TOMLError) -> String {
    text.advance()
    var bytes: [UInt8] = []
    while !text.skip("\"") {
      bytes += text.take { !TOMLText.isControl($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
      if text.skip("\\") {
        bytes += try escaped()
      } else if !text.startsWith("\"") {
        throw text.unexpected("the quote that ends the text")
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func literalString() throws(TOMLError) -> String {
    text.advance()
    let bytes = text.take { !TOMLText.isControl($0) && $0 != UInt8(ascii: "'") }
    guard text.skip("'") else { throw text.unexpected("the quote that ends the text") }
    return String(decoding: bytes, as: UTF8.self)
  }

  mutating func multilineBasicString() throws(TOMLError) -> String {
    try multiline(UInt8(ascii: "\""), hasEscapes: true)
  }

  mutating func multilineLiteralString() throws(TOMLError) -> String {
    try multiline(UInt8(ascii: "'"), hasEscapes: false)
  }

  /// A line end right after the opening quotes does not belong to the text. Up to two quotes may stand before the
  /// closing quotes.
  private mutating func multiline(_ quote: UInt8, hasEscapes: Bool) throws(TOMLError) -> String {
    text.advance(3)
    _ = text.skipLineEnd()
    var bytes: [UInt8] = []
    while true {
      bytes += text.take { !TOMLText.isControl($0) && $0 != quote && !(hasEscapes && $0 == UInt8(ascii: "\\")) }
      if text.next == quote {
        let quotes = text.take { $0 == quote }
        if quotes.count > 5 { throw text.error("a text ends with more than five quotes") }
        bytes += quotes.dropLast(quotes.count >= 3 ? 3 : 0)
        if quotes.count >= 3 { return String(decoding: bytes, as: UTF8.self) }
      } else if text.skipLineEnd() {
        bytes.append(UInt8(ascii: "\n"))
      } else if hasEscapes, text.skip("\\") {
        if try !foldsLines() { bytes += try escaped() }
      } else {
        throw text.unexpected("the three quotes that end the text")
      }
    }
  }

  /// A backslash at the end of a line removes all blanks and line ends up to the next text.
  private mutating func foldsLines() throws(TOMLError) -> Bool {
    var after = text
    after.skipBlanks()
    guard after.skipLineEnd() else { return false }
    repeat { after.skipBlanks() } while after.skipLineEnd()
    text = after
    return true
  }

  /// What the escape stands for, as UTF-8. The backslash is already taken.
  private mutating func escaped() throws(TOMLError) -> [UInt8] {
    for (letter, byte) in Self.escapes where text.skip(letter) { return [byte] }
    let count = text.skip("u") ? 4 : text.skip("U") ? 8 : 0
    guard count > 0 else { throw text.error("a backslash begins an escape that TOML does not have") }
    var digits = ""
    while digits.count < count, let byte = text.next, Character(UnicodeScalar(byte)).isHexDigit {
      digits.append(Character(UnicodeScalar(byte)))
      text.advance()
    }
    guard digits.count == count, let number = UInt32(digits, radix: 16), let scalar = UnicodeScalar(number) else {
      throw text.error("an escape of \(count) digits names no character")
    }
    return Array(String(scalar).utf8)
  }

  private static var escapes: [(String, UInt8)] {
    [("b", 8), ("t", 9), ("n", 10), ("f", 12), ("r", 13), ("\"", 34), ("\\", 92)]
  }
}
