/// What stands before each ttrpc message.
///
/// On the wire: body length (u32, big-endian), stream id (u32, big-endian), type (u8), flags (u8).
package struct MessageHeader: Equatable, Sendable {
  package enum Kind: UInt8, Sendable {
    case request = 1
    case response = 2
    case data = 3
  }

  package static let length = 10
  package static let maximumBodyLength = 4 << 20

  package var stream: UInt32
  package var kind: Kind
  /// 0 for a unary call.
  package var flags: UInt8

  package init(stream: UInt32, kind: Kind, flags: UInt8 = 0) {
    self.stream = stream
    self.kind = kind
    self.flags = flags
  }
}

/// One ttrpc message: a header and a protobuf body.
package struct Message: Equatable, Sendable {
  package var header: MessageHeader
  package var body: [UInt8]

  package init(header: MessageHeader, body: [UInt8]) {
    self.header = header
    self.body = body
  }

  /// The bytes of one connection. `Frame.frames` turns them into the trunk's bytes.
  package func encoded() throws(WireError) -> [UInt8] {
    if body.count > MessageHeader.maximumBodyLength {
      throw .messageTooLong(stream: header.stream, length: body.count)
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(MessageHeader.length + body.count)
    bytes.append(bigEndian: UInt32(body.count))
    bytes.append(bigEndian: header.stream)
    bytes.append(header.kind.rawValue)
    bytes.append(header.flags)
    return bytes + body
  }
}

/// Cuts one connection's bytes into messages. It holds only the header that it is in.
package struct MessageFramer: Equatable, Sendable {
  package enum Part: Equatable, Sendable {
    case begin(MessageHeader, bodyLength: Int)
    /// The next bytes of the body that began last.
    case body(ArraySlice<UInt8>)
  }

  private var header = HeaderBytes(length: MessageHeader.length)
  private var remaining = 0
  private let takesLong: Bool

  /// - Parameter takesLong: also takes bodies over `MessageHeader.maximumBodyLength`.
  package init(takesLong: Bool = false) { self.takesLong = takesLong }

  package mutating func receive(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [Part] {
    var parts: [Part] = []
    var rest = bytes
    while !rest.isEmpty {
      if remaining == 0 {
        if header.take(from: &rest) { parts.append(try begin()) }
        continue
      }
      let part = rest.prefix(remaining)
      rest = rest.dropFirst(part.count)
      remaining -= part.count
      parts.append(.body(part))
    }
    return parts
  }

  /// Whether a connection may end here.
  package var isBetweenMessages: Bool { remaining == 0 && header.count == 0 }

  private mutating func begin() throws(WireError) -> Part {
    let length = Int(header.bigEndian(at: 0))
    let stream = header.bigEndian(at: 4)
    let (type, flags) = (header[8], header[9])
    header.reset()
    if length > MessageHeader.maximumBodyLength, !takesLong { throw .messageTooLong(stream: stream, length: length) }
    guard let kind = MessageHeader.Kind(rawValue: type) else { throw .unknownMessageType(type, stream: stream) }
    remaining = length
    return .begin(MessageHeader(stream: stream, kind: kind, flags: flags), bodyLength: length)
  }
}

/// The place of a part in the body of its message.
package struct BodyPlace: Equatable, Sendable {
  package var start: Int
  /// The length of the whole body.
  package var length: Int
}

/// Collects the messages of one connection. A message that is longer than messages may be is not collected. If it is
/// taken at all, it comes out in parts, as they come in.
package struct MessageDecoder: Equatable, Sendable {
  private var framer: MessageFramer
  private var message: Message?
  private var length = 0
  /// The place of the next part of a long message.
  private var start = 0

  package init(takesLong: Bool = false) { framer = MessageFramer(takesLong: takesLong) }

  package mutating func receive(
    _ bytes: ArraySlice<UInt8>
  ) throws(WireError) -> [(message: Message, part: BodyPlace?)] {
    var messages: [(message: Message, part: BodyPlace?)] = []
    for part in try framer.receive(bytes) {
      switch part {
      case .begin(let header, let bodyLength):
        message = Message(header: header, body: [])
        (length, start) = (bodyLength, 0)
      case .body(let bytes) where length > MessageHeader.maximumBodyLength:
        guard let message else { continue }
        messages.append((Message(header: message.header, body: Array(bytes)), BodyPlace(start: start, length: length)))
        start += bytes.count
      case .body(let bytes): message?.body += bytes
      }
      if let whole = message, whole.body.count == length {
        messages.append((whole, nil))
        message = nil
      }
    }
    return messages
  }

  package var isBetweenMessages: Bool { framer.isBetweenMessages }
}
