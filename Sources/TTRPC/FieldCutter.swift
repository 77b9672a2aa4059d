/// Cuts a protobuf message that arrives in pieces into its fields. It holds only the header of the field that it is in.
/// So a message may be longer than the memory that there is.
package struct FieldCutter: Equatable, Sendable {
  package enum Part: Equatable, Sendable {
    /// A field that is written as a number.
    case number(field: UInt32, value: UInt64)
    /// A field with this many bytes. The bytes follow.
    case begin(field: UInt32, length: Int)
    /// The next bytes of the field that began last.
    case bytes(ArraySlice<UInt8>)
    /// All bytes of the field that began last have come.
    case end
    /// A field of 4 or 8 bytes, which NRI's messages do not have.
    case fixed(field: UInt32)
  }

  private enum Place: Equatable, Sendable {
    case tag
    case number(field: UInt32)
    case length(field: UInt32)
    case body(remaining: Int)
    case fixed(field: UInt32, remaining: Int)
  }

  /// The message's name in errors: `SynchronizeRequest`.
  private let name: String
  private var place = Place.tag
  private var varint = Varint()

  package init(_ name: String) { self.name = name }

  /// Whether a message may end here.
  package var isBetweenFields: Bool { place == .tag && varint.count == 0 }

  package mutating func receive(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [Part] {
    do { return try cut(bytes) } catch { throw .malformed(path: name, reason: error.reason) }
  }

  /// Must be called at the message's end.
  package func finish() throws(WireError) {
    if !isBetweenFields { throw .malformed(path: name, reason: .endsInsideField) }
  }

  private mutating func cut(_ bytes: ArraySlice<UInt8>) throws(Malformed) -> [Part] {
    var parts: [Part] = []
    var rest = bytes
    while !rest.isEmpty {
      switch place {
      case .tag: if let tag = try varint.take(from: &rest) { place = try begin(tag) }
      case .number(let field):
        guard let value = try varint.take(from: &rest) else { continue }
        parts.append(.number(field: field, value: value))
        place = .tag
      case .length(let field):
        guard let length = try varint.take(from: &rest) else { continue }
        guard length <= UInt32.max else { throw Malformed(.endsInsideField) }
        parts.append(.begin(field: field, length: Int(length)))
        place = length == 0 ? .tag : .body(remaining: Int(length))
        if length == 0 { parts.append(.end) }
      case .body(let remaining):
        let part = rest.prefix(remaining)
        rest = rest.dropFirst(part.count)
        parts.append(.bytes(part))
        place = part.count == remaining ? .tag : .body(remaining: remaining - part.count)
        if place == .tag { parts.append(.end) }
      case .fixed(let field, let remaining):
        let count = min(remaining, rest.count)
        rest = rest.dropFirst(count)
        place = count == remaining ? .tag : .fixed(field: field, remaining: remaining - count)
        if place == .tag { parts.append(.fixed(field: field)) }
      }
    }
    return parts
  }

  private func begin(_ tag: UInt64) throws(Malformed) -> Place {
    let (field, kind) = try WireTag.parts(of: tag)
    switch kind {
    case .varint: return .number(field: field)
    case .lengthDelimited: return .length(field: field)
    case .eightBytes: return .fixed(field: field, remaining: 8)
    case .fourBytes: return .fixed(field: field, remaining: 4)
    }
  }
}

/// A varint that may arrive in pieces, by the rules of `WireTag.varint`.
private struct Varint: Equatable, Sendable {
  private var value: UInt64 = 0
  private(set) var count = 0

  /// The number once it is whole.
  mutating func take(from rest: inout ArraySlice<UInt8>) throws(Malformed) -> UInt64? {
    while let byte = rest.popFirst() {
      if count == WireTag.maximumVarintLength - 1, byte > 1 { throw Malformed(.varintTooLong) }
      value |= UInt64(byte & 0x7f) << (7 * UInt64(count))
      count += 1
      if byte < 0x80 {
        defer { self = Varint() }
        return value
      }
    }
    return nil
  }
}
