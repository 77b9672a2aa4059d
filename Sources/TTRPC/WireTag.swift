import CProtobuf

/// What stands before each field of a protobuf message: its number and how its value is written.
struct WireTag {
  enum Kind: UInt8 {
    case varint = 0
    case eightBytes = 1
    case lengthDelimited = 2
    case fourBytes = 5

    init(of type: ProtobufCType) {
      switch type {
      case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_BYTES, PROTOBUF_C_TYPE_MESSAGE: self = .lengthDelimited
      case PROTOBUF_C_TYPE_FIXED32, PROTOBUF_C_TYPE_SFIXED32, PROTOBUF_C_TYPE_FLOAT: self = .fourBytes
      case PROTOBUF_C_TYPE_FIXED64, PROTOBUF_C_TYPE_SFIXED64, PROTOBUF_C_TYPE_DOUBLE: self = .eightBytes
      default: self = .varint
      }
    }
  }

  static let maximumField: UInt64 = 1 << 29 - 1
  static let maximumVarintLength = 10

  let field: UInt32
  let kind: Kind

  init(at position: inout Int, in bytes: Span<UInt8>) throws(Malformed) {
    (field, kind) = try Self.parts(of: try Self.varint(at: &position, in: bytes))
  }

  static func parts(of tag: UInt64) throws(Malformed) -> (field: UInt32, kind: Kind) {
    let number = tag >> 3
    guard number >= 1, number <= maximumField else { throw Malformed(.fieldNumber(number)) }
    guard let kind = Kind(rawValue: UInt8(tag & 7)) else { throw Malformed(.unknownWireType(UInt8(tag & 7))) }
    return (UInt32(number), kind)
  }

  /// Where the field's value lies. For a length-delimited value, without its length.
  func value(at position: inout Int, in bytes: Span<UInt8>) throws(Malformed) -> Range<Int> {
    var start = position
    let length: Int
    switch kind {
    case .varint:
      _ = try Self.varint(at: &position, in: bytes)
      return start..<position
    case .eightBytes: length = 8
    case .fourBytes: length = 4
    case .lengthDelimited:
      let written = try Self.varint(at: &position, in: bytes)
      start = position
      guard let exact = Int(exactly: written) else { throw Malformed(.endsInsideField) }
      length = exact
    }
    guard length <= bytes.count - start else { throw Malformed(.endsInsideField) }
    position = start + length
    return start..<position
  }

  private static func varint(at position: inout Int, in bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for index in 0..<maximumVarintLength {
      guard position < bytes.count else { throw Malformed(.endsInsideField) }
      let byte = bytes[position]
      position += 1
      // The tenth byte holds the 64th bit and no more.
      if index == maximumVarintLength - 1, byte > 1 { break }
      value |= UInt64(byte & 0x7f) << (7 * UInt64(index))
      if byte < 0x80 { return value }
    }
    throw Malformed(.varintTooLong)
  }
}
