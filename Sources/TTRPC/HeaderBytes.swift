/// The bytes so far of a header that may arrive in pieces.
struct HeaderBytes: Equatable, Sendable {
  private let length: Int
  private var bytes: [UInt8] = []

  init(length: Int) { self.length = length }

  var count: Int { bytes.count }

  /// Takes the bytes that are missing. Returns true once the header is whole.
  mutating func take(from rest: inout ArraySlice<UInt8>) -> Bool {
    let part = rest.prefix(length - bytes.count)
    bytes += part
    rest = rest.dropFirst(part.count)
    return bytes.count == length
  }

  mutating func reset() { bytes.removeAll(keepingCapacity: true) }

  func bigEndian(at offset: Int) -> UInt32 {
    bytes[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
  }

  subscript(offset: Int) -> UInt8 { bytes[offset] }
}

extension [UInt8] {
  mutating func append(bigEndian value: UInt32) {
    for shift in [24, 16, 8, 0] as [UInt32] { append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
}
