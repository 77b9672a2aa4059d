/// The multiplexer of NRI: several connections on one socket, the trunk.
///
/// On the wire: connection id (u32, big-endian), payload length (u32, big-endian), payload.
package enum Frame {
  package static let headerLength = 8
  /// One whole ttrpc message.
  package static let maximumLength = MessageHeader.maximumBodyLength + MessageHeader.length
  /// A Go reader breaks on a longer frame that begins a message.
  package static let maximumFirstLength = 4096

  /// The frames that carry one message: its first 4096 bytes, then all the rest in one frame, because the receiver
  /// queues only 256 frames for each connection. A frame never spans two messages.
  package static func frames(connection: UInt32, message: [UInt8]) -> [UInt8] {
    let first = min(maximumFirstLength, message.count)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(message.count + 2 * headerLength)
    append(message[..<first], connection, to: &bytes)
    if first < message.count { append(message[first...], connection, to: &bytes) }
    return bytes
  }

  private static func append(_ payload: ArraySlice<UInt8>, _ connection: UInt32, to bytes: inout [UInt8]) {
    bytes.append(bigEndian: connection)
    bytes.append(bigEndian: UInt32(payload.count))
    bytes += payload
  }
}

/// The two connections of NRI's trunk. Frames of any other connection are dropped.
package enum Connection {
  /// The Plugin service: the runtime calls the plugin.
  package static let plugin: UInt32 = 1
  /// The Runtime service: the plugin calls the runtime.
  package static let runtime: UInt32 = 2
}

/// Cuts the trunk's bytes into the bytes of its connections. It holds only the header that it is in.
package struct FrameDecoder: Equatable, Sendable {
  /// Bytes of one connection, in order. Where they begin or end has no meaning.
  package struct Piece: Equatable, Sendable {
    package let connection: UInt32
    package let bytes: ArraySlice<UInt8>
  }

  private var header = HeaderBytes(length: Frame.headerLength)
  private var connection: UInt32 = 0
  private var length = 0
  private var remaining = 0
  private let longCalls: Bool

  /// - Parameter longCalls: frames of the plugin's connection may have any length, because calls are cut.
  package init(longCalls: Bool = false) { self.longCalls = longCalls }

  /// - Parameter bytes: what the socket gave, cut anywhere.
  package mutating func receive(_ bytes: ArraySlice<UInt8>) throws(WireError) -> [Piece] {
    var pieces: [Piece] = []
    var rest = bytes
    while !rest.isEmpty {
      if remaining == 0 {
        if header.take(from: &rest) { try begin() }
        continue
      }
      let payload = rest.prefix(remaining)
      rest = rest.dropFirst(payload.count)
      remaining -= payload.count
      if isKnown { pieces.append(Piece(connection: connection, bytes: payload)) }
    }
    return pieces
  }

  /// Must be called when the socket has ended. It may only end between frames.
  package func finish() throws(WireError) {
    if header.count > 0 { throw .endInsideFrame(received: header.count, expected: Frame.headerLength) }
    if remaining > 0 { throw .endInsideFrame(received: length - remaining, expected: length) }
  }

  private var isKnown: Bool { connection == Connection.plugin || connection == Connection.runtime }

  private mutating func begin() throws(WireError) {
    connection = header.bigEndian(at: 0)
    length = Int(header.bigEndian(at: 4))
    header.reset()
    if connection == 0 { throw .reservedConnection }
    if length > Frame.maximumLength, !(longCalls && connection == Connection.plugin) {
      throw .frameTooLong(connection: connection, length: length)
    }
    remaining = length
  }
}
