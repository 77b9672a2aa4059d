/// Texts and their escapes.
extension JSONReader {
  private static let escapes: [UInt8: UInt8] = [
    UInt8(ascii: "\""): UInt8(ascii: "\""), UInt8(ascii: "\\"): UInt8(ascii: "\\"),
    UInt8(ascii: "/"): UInt8(ascii: "/"), UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
    UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
  ]

  /// The text whose first quote is next.
  mutating func text() throws(YAMLError) -> String {
    let first = line
    advance()
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        advance()
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try escape()
      case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
        throw problem(
          "a text that does not end on its line; close it with \", and write a line break as \\n", line: first)
      case ..<0x20:
        let digits = String(0x100 + UInt16(byte), radix: 16).dropFirst()
        throw problem("a control character in a text; write \\u00\(digits)")
      default:
        text.append(byte)
        advance()
      }
    }
    throw problem("a text that is never closed; add \" at its end", line: first)
  }

  /// The bytes that an escape stands for.
  private mutating func escape() throws(YAMLError) -> [UInt8] {
    let letter = ahead(2).dropFirst().first
    if let byte = letter.flatMap({ Self.escapes[$0] }) {
      advance(2)
      return [byte]
    }
    guard letter == UInt8(ascii: "u") else {
      let found = printable(String(decoding: ahead(5), as: UTF8.self).prefix(2).description)
      throw problem("the escape \(found), which JSON does not have; write \\\\ for a backslash")
    }
    return Array(String(Character(try character())).utf8)
  }

  /// `\u00e9`, or the two halves of a character above U+FFFF: `\ud83d\ude00`.
  private mutating func character() throws(YAMLError) -> Unicode.Scalar {
    let first = try unit()
    var value = first
    if (0xd800..<0xdc00).contains(first), ahead(2) == Array("\\u".utf8)[...] {
      let second = try unit()
      if (0xdc00..<0xe000).contains(second) { value = 0x10000 + (first - 0xd800) << 10 + (second - 0xdc00) }
    }
    guard let scalar = Unicode.Scalar(value) else {
      throw problem("the escape \\u\(String(first, radix: 16)) is only half of a character; write both halves")
    }
    guard value != 0 else { throw problem("a NUL character (\\u0000); remove it") }
    return scalar
  }

  /// The number of one `\uXXXX`.
  private mutating func unit() throws(YAMLError) -> UInt32 {
    let digits = ahead(6).dropFirst(2)
    guard digits.count == 4, digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw problem("an escape \\u without four hexadecimal digits; write all of them") }
    advance(6)
    return value
  }
}
