/// A value of a YAML or JSON text, with the line on which it stands.
///
/// Only what both formats share exists: no anchors, aliases or tags, and keys are texts.
package struct Node: Equatable, Sendable {
  package indirect enum Value: Equatable, Sendable {
    /// `isQuoted`: written in quotes or as a block, so always a text: `"1"` is no number.
    case scalar(text: String, isQuoted: Bool)
    case sequence([Node])
    /// In the text's order; no key comes twice.
    case mapping([Entry])
  }

  package struct Entry: Equatable, Sendable {
    package var key: String
    /// The line of the key, from 1.
    package var line: Int
    package var value: Node

    package init(key: String, line: Int, value: Node) {
      self.key = key
      self.line = line
      self.value = value
    }
  }

  package var value: Value
  /// The line on which the value begins, from 1.
  package var line: Int

  package init(_ value: Value, line: Int) {
    self.value = value
    self.line = line
  }
}

extension Node {
  package var entries: [Entry]? {
    if case .mapping(let entries) = value { entries } else { nil }
  }

  package var elements: [Node]? {
    if case .sequence(let elements) = value { elements } else { nil }
  }

  /// The value under `key` of a mapping.
  package subscript(key: String) -> Node? { entries?.first { $0.key == key }?.value }

  /// A text. It is quoted, or plain and nothing that YAML or JSON reads as a number, a boolean or null.
  package var text: String? {
    guard case .scalar(let text, let isQuoted) = value else { return nil }
    return isQuoted || Self.plainType(text) == .text ? text : nil
  }

  /// `true` or `false`, unquoted; YAML 1.1's `yes` and `on` are texts.
  package var bool: Bool? {
    switch value {
    case .scalar("true", false): true
    case .scalar("false", false): false
    default: nil
    }
  }

  /// A decimal number, unquoted, without `+`, and without a zero before it. YAML 1.1 reads a number with such a zero as
  /// octal and YAML 1.2 as decimal, so its writer may have meant either.
  package var integer: Int64? {
    guard case .scalar(let text, false) = value, Self.plainType(text) == .number, !Self.isPadded(text) else {
      return nil
    }
    return Int64(text)
  }

  /// As `integer`, for the whole range of UInt64; also `0x` and hexadecimal digits.
  package var unsigned: UInt64? {
    guard case .scalar(let text, false) = value, Self.plainType(text) == .number, !Self.isPadded(text) else {
      return nil
    }
    return text.utf8.starts(with: "0x".utf8) ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// `null`, `~` or nothing at all.
  package var isNull: Bool {
    guard case .scalar(let text, false) = value else { return false }
    return Self.plainType(text) == .null
  }

  /// What stands here, in words for messages: `the number 5`, `a list`.
  package var kind: String {
    switch value {
    case .sequence: return "a list"
    case .mapping: return "a mapping"
    case .scalar(let text, true): return "the text \(quoted(text))"
    case .scalar(let text, false):
      switch Self.plainType(text) {
      case .null: return "nothing"
      case .bool: return "the boolean \(text)"
      case .number where Self.isPadded(text):
        return "the number \(text.prefix(100)) with a zero before it, which some read as octal"
      case .number: return "the number \(text.prefix(100))"
      case .text: return "the text \(quoted(text))"
      }
    }
  }
}

extension Node {
  private enum PlainType { case null, bool, number, text }

  /// The type of an unquoted scalar by YAML 1.2's core schema.
  private static func plainType(_ text: String) -> PlainType {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE", "false", "False", "FALSE": return .bool
    case ".inf", "-.inf", ".nan": return .number
    default: return looksNumeric(text.utf8) ? .number : .text
    }
  }

  /// Whether the text is a decimal number, a number with a point or an exponent, or `0x` and digits. An address like
  /// 10.0.0.0 is a text.
  private static func looksNumeric(_ text: String.UTF8View) -> Bool {
    if text.starts(with: "0x".utf8) {
      return text.count > 2 && text.dropFirst(2).allSatisfy { Character(UnicodeScalar($0)).isHexDigit }
    }
    var rest = text.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    guard text.count - rest.count <= 1, rest.contains(where: isDigit) else { return false }
    rest = rest.drop(while: isDigit)
    if rest.first == UInt8(ascii: ".") { rest = rest.dropFirst().drop(while: isDigit) }
    guard let exponent = rest.first else { return true }
    guard exponent == UInt8(ascii: "e") || exponent == UInt8(ascii: "E"), rest.count < text.count else { return false }
    rest = rest.dropFirst()
    if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") { rest = rest.dropFirst() }
    return !rest.isEmpty && rest.allSatisfy(isDigit)
  }

  /// Whether a zero stands before another digit, as in `033`, `-01` and `00`, and not in `0`, `0x1f` and `0.5`.
  private static func isPadded(_ text: String) -> Bool {
    let digits = text.utf8.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") }
    return digits.first == UInt8(ascii: "0") && digits.dropFirst().first.map(isDigit) == true
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
}
