/// Bytes that need not be UTF-8, as a text for people that gives the same bytes back.
///
/// What is no character that one can see, and each backslash, is written byte by byte as `\xNN`. So a text adds no line
/// and moves no cursor, wherever it is shown.
package enum ByteText {
  private static let backslash = UInt8(ascii: "\\")

  package static func written(_ bytes: [UInt8]) -> String {
    var (text, position) = ("", 0)
    var parser = Unicode.UTF8.ForwardParser()
    var input = bytes.makeIterator()
    while true {
      switch parser.parseScalar(from: &input) {
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        if isVisible(scalar) { text.unicodeScalars.append(scalar) } else { text += escaped(encoded) }
        position += encoded.count
      case .error(let length):
        text += escaped(bytes[position..<position + length])
        position += length
      case .emptyInput: return text
      }
    }
  }

  /// nil: a backslash is not followed by `x` and two lower-case hexadecimal digits.
  package static func bytes(of text: String) -> [UInt8]? {
    var (bytes, rest) = ([UInt8](), Array(text.utf8)[...])
    while let byte = rest.popFirst() {
      guard byte == backslash else {
        bytes.append(byte)
        continue
      }
      guard rest.popFirst() == UInt8(ascii: "x"), let high = digit(rest.popFirst()), let low = digit(rest.popFirst())
      else { return nil }
      bytes.append(high << 4 | low)
    }
    return bytes
  }

  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar == "\\" { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: return false
    default: return true
    }
  }

  private static func escaped(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { "\\x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func digit(_ byte: UInt8?) -> UInt8? {
    switch byte {
    case .some(let byte) where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): byte - UInt8(ascii: "0")
    case .some(let byte) where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
