/// A value of TOML 1.0. Only dates and times are not read.
package indirect enum TOML: Equatable, Sendable {
  case string(String)
  case integer(Int64)
  case float(Double)
  case boolean(Bool)
  case array([TOML])
  case table([String: TOML])

  /// Longest text that is read.
  package static let textMaxBytes = 1 << 20
  /// Deepest nesting: parts of a key, arrays and inline tables.
  package static let depthMax = 64

  /// Reads a whole text. The value at its top is a table.
  package static func parse(_ bytes: [UInt8]) throws(TOMLError) -> TOML {
    guard bytes.count <= textMaxBytes else {
      throw TOMLError(line: 1, problem: "the text has \(bytes.count) bytes; at most \(textMaxBytes) are read")
    }
    try checkEncoding(bytes)
    var parser = TOMLParser(TOMLText(bytes))
    return try parser.document()
  }

  /// Names the first line that is not UTF-8 by itself. A line feed is never part of a longer sequence.
  private static func checkEncoding(_ bytes: [UInt8]) throws(TOMLError) {
    guard String(validating: bytes, as: UTF8.self) == nil else { return }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let index = lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0
    throw TOMLError(line: index + 1, problem: "invalid UTF-8")
  }

  package static func parse(_ text: String) throws(TOMLError) -> TOML { try parse(Array(text.utf8)) }

  /// The value of a key of a table; nil: this is no table, or has no such key.
  package subscript(key: String) -> TOML? {
    if case .table(let entries) = self { return entries[key] }
    return nil
  }

  package var string: String? {
    if case .string(let value) = self { return value }
    return nil
  }

  package var boolean: Bool? {
    if case .boolean(let value) = self { return value }
    return nil
  }

  /// The elements of an array of strings; nil: an element is something else.
  package var strings: [String]? {
    guard case .array(let elements) = self else { return nil }
    let texts = elements.compactMap(\.string)
    return texts.count == elements.count ? texts : nil
  }
}

/// Why a text is no TOML.
package struct TOMLError: Error, Equatable, Sendable, CustomStringConvertible {
  package var line: Int
  package var problem: String

  package var description: String { "line \(line): \(problem)" }
}
