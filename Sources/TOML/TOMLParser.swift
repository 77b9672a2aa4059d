/// Reads statements: headers of tables, and keys with values. TOML 1.0.
struct TOMLParser {
  var text: TOMLText
  private let root = TOMLTable()
  /// The table that the last header named.
  private var section: TOMLTable
  /// Tables that dotted keys of this section made. This section may add to them, and no later section may.
  private var openTables: [TOMLTable] = []

  init(_ text: TOMLText) {
    self.text = text
    section = root
  }

  mutating func document() throws(TOMLError) -> TOML {
    try text.skipSpace()
    while !text.isAtEnd {
      try statement()
      text.skipBlanks()
      try text.skipComment()
      guard text.isAtEnd || text.skipLineEnd() else { throw text.unexpected("the end of the line") }
      try text.skipSpace()
    }
    return root.value
  }

  private mutating func statement() throws(TOMLError) {
    if text.startsWith("[") {
      for table in openTables { table.isDefined = true }
      openTables = []
      section = try text.skip("[[") ? arrayHeader() : header()
    } else {
      try keyAndValue()
    }
  }

  private mutating func header() throws(TOMLError) -> TOMLTable {
    text.advance()
    let key = try headerKey(closedBy: "]")
    let parent = try table(key.dropLast(), in: root)
    guard !parent.isArray(key[key.count - 1]), let table = parent.table(key[key.count - 1]), !table.isDefined else {
      throw text.error("\(Self.name(key)) has a value already, so it cannot be a table here")
    }
    table.isDefined = true
    return table
  }

  private mutating func arrayHeader() throws(TOMLError) -> TOMLTable {
    let key = try headerKey(closedBy: "]]")
    guard let table = try table(key.dropLast(), in: root).append(key[key.count - 1]) else {
      throw text.error("\(Self.name(key)) has a value already, so it cannot be an array of tables here")
    }
    table.isDefined = true
    return table
  }

  private mutating func headerKey(closedBy end: String) throws(TOMLError) -> [String] {
    text.skipBlanks()
    let key = try self.key()
    guard text.skip(end) else { throw text.unexpected("\"\(end)\"") }
    return key
  }

  private mutating func keyAndValue() throws(TOMLError) {
    let line = text.line
    let key = try keyBeforeValue()
    var table = section
    for part in key.dropLast() {
      guard !table.isArray(part), let next = table.table(part), !next.isDefined else {
        throw TOMLError(line: line, problem: "\(Self.name(key)) adds to what is defined already")
      }
      openTables.append(next)
      table = next
    }
    guard table.set(key[key.count - 1], try value(depth: 0)) else {
      throw TOMLError(line: line, problem: "\(Self.name(key)) has a value already")
    }
  }

  private func table(_ key: ArraySlice<String>, in root: TOMLTable) throws(TOMLError) -> TOMLTable {
    var table = root
    for part in key {
      guard let next = table.table(part) else { throw text.error("\(part) is no table") }
      table = next
    }
    return table
  }

  private static func name(_ key: [String]) -> String { key.joined(separator: ".") }
}

extension TOMLParser {
  /// A key and its equals sign.
  mutating func keyBeforeValue() throws(TOMLError) -> [String] {
    let key = try self.key()
    guard text.skip("=") else { throw text.unexpected("\"=\"") }
    text.skipBlanks()
    return key
  }

  /// `a."b c".d`, and the blanks after it.
  mutating func key() throws(TOMLError) -> [String] {
    var parts: [String] = []
    repeat {
      text.skipBlanks()
      parts.append(try keyPart())
      guard parts.count <= TOML.depthMax else { throw text.error("a key has more than \(TOML.depthMax) parts") }
      text.skipBlanks()
    } while text.skip(".")
    return parts
  }

  private mutating func keyPart() throws(TOMLError) -> String {
    if text.startsWith("\"") { return try basicString() }
    if text.startsWith("'") { return try literalString() }
    let part = text.take { Self.isBare($0) }
    guard !part.isEmpty else { throw text.unexpected("a key") }
    return String(decoding: part, as: UTF8.self)
  }

  private static func isBare(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
