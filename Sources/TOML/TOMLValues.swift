extension TOMLParser {
  /// - Parameter depth: how many arrays and inline tables are around the value.
  mutating func value(depth: Int) throws(TOMLError) -> TOML {
    guard depth < TOML.depthMax else {
      throw text.error("arrays and inline tables are nested deeper than \(TOML.depthMax)")
    }
    if text.startsWith("\"\"\"") { return .string(try multilineBasicString()) }
    if text.startsWith("'''") { return .string(try multilineLiteralString()) }
    switch text.next {
    case UInt8(ascii: "\""): return .string(try basicString())
    case UInt8(ascii: "'"): return .string(try literalString())
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "{"): return try inlineTable(depth: depth)
    default: return try word()
    }
  }

  private mutating func array(depth: Int) throws(TOMLError) -> TOML {
    text.advance()
    var elements: [TOML] = []
    try text.skipSpace()
    while !text.skip("]") {
      elements.append(try value(depth: depth + 1))
      try text.skipSpace()
      guard text.skip(",") || text.startsWith("]") else { throw text.unexpected("\",\" or \"]\"") }
      try text.skipSpace()
    }
    return .array(elements)
  }

  /// An inline table stands on one line, without a comma at its end. Nothing outside of it can add to it.
  private mutating func inlineTable(depth: Int) throws(TOMLError) -> TOML {
    text.advance()
    let table = TOMLTable()
    text.skipBlanks()
    if text.skip("}") { return table.value }
    repeat {
      text.skipBlanks()
      let key = try keyBeforeValue()
      var inner: TOMLTable? = table
      for part in key.dropLast() { inner = inner?.table(part) }
      guard let inner, inner.set(key[key.count - 1], try value(depth: depth + 1)) else {
        throw text.error("\(key.joined(separator: ".")) has a value already")
      }
      text.skipBlanks()
    } while text.skip(",")
    guard text.skip("}") else { throw text.unexpected("\",\" or \"}\"") }
    return table.value
  }

  /// A boolean or a number. It ends at a blank, a comma, a bracket, a comment or the end of the line.
  private mutating func word() throws(TOMLError) -> TOML {
    let start = text
    let bytes = text.take { !" \t\r\n,]}#".utf8.contains($0) }
    let word = String(decoding: bytes, as: UTF8.self)
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "": throw text.unexpected("a value")
    default:
      if let number = TOMLNumber.parse(word) { return number }
      throw start.error("\"\(word.prefix(Self.shownMax))\" is no value that is read; texts stand in quotes")
    }
  }

  /// How much of a wrong word a message shows.
  private static var shownMax: Int { 40 }
}

enum TOMLNumber {
  /// nil: the word is no number, or an integer of more than 64 bits.
  static func parse(_ word: String) -> TOML? {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where word.hasPrefix(prefix) {
      return digits(word.dropFirst(2), radix).flatMap { Int64($0, radix: radix) }.map(TOML.integer)
    }
    let sign = word.hasPrefix("-") ? "-" : ""
    let rest = word.hasPrefix("-") || word.hasPrefix("+") ? word.dropFirst() : Substring(word)
    if rest == "inf" || rest == "nan" { return Double(sign + rest).map(TOML.float) }
    let whole = rest.prefix { $0 != "." && $0 != "e" && $0 != "E" }
    guard let integer = digits(whole, 10), integer == "0" || !integer.hasPrefix("0") else { return nil }
    if whole.endIndex == rest.endIndex { return Int64(sign + integer).map(TOML.integer) }
    return fraction(rest[whole.endIndex...]).flatMap { Double(sign + integer + $0) }.map(TOML.float)
  }

  /// `.5`, `e+3`, `.5e-3`.
  private static func fraction(_ text: Substring) -> String? {
    var text = text
    var result = ""
    if text.hasPrefix(".") {
      let part = text.dropFirst().prefix { $0 != "e" && $0 != "E" }
      guard let decimals = digits(part, 10) else { return nil }
      result = "." + decimals
      text = text[part.endIndex...]
    }
    guard !text.isEmpty else { return result }
    text = text.dropFirst()
    let sign = text.hasPrefix("-") ? "-" : ""
    if text.hasPrefix("-") || text.hasPrefix("+") { text = text.dropFirst() }
    return digits(text, 10).map { result + "e" + sign + $0 }
  }

  /// The digits without the underscores. Each underscore must stand between two digits. nil: there is anything else.
  private static func digits(_ text: Substring, _ radix: Int) -> String? {
    let groups = text.split(separator: "_", omittingEmptySubsequences: false)
    let areDigits = groups.allSatisfy { group in
      !group.isEmpty && group.allSatisfy { $0.isASCII && ($0.hexDigitValue ?? radix) < radix }
    }
    return areDigits ? groups.joined() : nil
  }
}
