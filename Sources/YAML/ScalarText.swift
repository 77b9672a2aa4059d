/// A text as one scalar of YAML, in block and in flow style.
enum ScalarText {
  /// Words that a reader of YAML 1.1 or 1.2 takes for something other than a text.
  private static let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]

  /// Plain where every reader takes it for a text, else in quotes.
  static func written(_ text: String) -> String {
    if isPlain(text) { return text }
    guard text.unicodeScalars.allSatisfy(isPrintable) else { return doubleQuoted(text) }
    // By scalars: a mark that combines with a quote makes another character of both.
    return "'" + text.unicodeScalars.map { $0 == "'" ? "''" : String($0) }.joined() + "'"
  }

  private static func isPlain(_ text: String) -> Bool {
    guard let first = text.utf8.first, !words.contains(text.lowercased()) else { return false }
    // 0755, 10.0.0.1, 2026-01-01 and 1:30 have a meaning of their own for some readers; no number has a slash.
    if isDigit(first) { return text.utf8.contains(UInt8(ascii: "/")) && text.utf8.allSatisfy(isWord) }
    return (isLetter(first) || first == UInt8(ascii: "/") || first == UInt8(ascii: "_")) && text.utf8.allSatisfy(isWord)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || isLetter(byte) || "/._-+@=%".utf8.contains(byte)
  }

  /// Whether libyaml reads the character as it stands, and takes it for no end of a line.
  static func isPrintable(_ scalar: UnicodeScalar) -> Bool {
    switch scalar {
    case "\u{0}"..."\u{1f}", "\u{7f}"..."\u{9f}", "\u{2028}", "\u{2029}", "\u{feff}", "\u{fffe}", "\u{ffff}": false
    default: true
    }
  }

  private static func doubleQuoted(_ text: String) -> String {
    "\""
      + text.unicodeScalars.map { scalar in
        switch scalar {
        case "\"", "\\": "\\\(scalar)"
        case _ where isPrintable(scalar): String(scalar)
        default: escaped(scalar)
        }
      }.joined() + "\""
  }

  private static func escaped(_ scalar: UnicodeScalar) -> String {
    let digits = String(scalar.value, radix: 16)
    return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
  }

  /// A text as the lines of a comment. No character of it can end the comment.
  static func comment(_ text: String, columns: Int) -> [String] {
    let lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
    return lines.flatMap { line in wrapped(line.map(commented).joined(), columns - 2) }
      .map { $0.isEmpty ? "#" : "# " + $0 }
  }

  private static func commented(_ scalar: UnicodeScalar) -> String {
    isPrintable(scalar) ? String(scalar) : escaped(scalar)
  }

  /// The words of a line, in lines of at most `columns` where no word is longer. An element of a list stays together.
  private static func wrapped(_ text: String, _ columns: Int) -> [String] {
    guard text.unicodeScalars.count > columns else { return [text] }
    let indent = text.utf8.starts(with: "- ".utf8) ? "  " : ""
    var lines: [String] = []
    var (line, length) = ("", 0)
    for word in text.split(separator: " ") {
      let count = word.unicodeScalars.count
      if length > 0, length + 1 + count > columns {
        lines.append(line)
        (line, length) = (indent + word, indent.utf8.count + count)
      } else {
        line += (length > 0 ? " " : "") + word
        length += count + (length > 0 ? 1 : 0)
      }
    }
    return lines + [line]
  }
}
