/// What the other side of a connection sent although it may not, or what we cannot send.
package enum WireError: Error, Equatable, Sendable {
  case frameTooLong(connection: UInt32, length: Int)
  case messageTooLong(stream: UInt32, length: Int)
  case reservedConnection
  case unknownMessageType(UInt8, stream: UInt32)
  case endInsideFrame(received: Int, expected: Int)
  case endInsideMessage(connection: UInt32)
  /// A message's bytes do not fit its descriptor; `path` names the field: `StartContainerRequest.container.env`.
  case malformed(path: String, reason: MalformedReason)
}

/// Why bytes are refused as a message, before protobuf-c sees them.
package enum MalformedReason: Equatable, Sendable {
  case endsInsideField
  case varintTooLong
  case fieldNumber(UInt64)
  case unknownWireType(UInt8)
  case wireType(found: UInt8, expected: UInt8)
  case repeatedSingularField
  case nulInString
  case invalidUTF8
  case tooDeep(limit: Int)
  case notUnpacked
}

extension WireError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .frameTooLong(let connection, let length):
      "frame of \(length) bytes on connection \(connection) is over the limit of \(Frame.maximumLength): not the NRI multiplexer's protocol"
    case .messageTooLong(let stream, let length):
      "message of \(length) bytes on stream \(stream) is over the limit of \(MessageHeader.maximumBodyLength)"
    case .reservedConnection: "frame on connection 0, which is reserved: not the NRI multiplexer's protocol"
    case .unknownMessageType(let type, let stream):
      "message of type \(type) on stream \(stream): expected 1 (request), 2 (response) or 3 (data)"
    case .endInsideFrame(let received, let expected):
      "connection ended inside a frame: \(received) of \(expected) bytes were received"
    case .endInsideMessage(let connection): "connection ended inside a message on connection \(connection)"
    case .malformed(let path, let reason): "malformed message: \(path): \(reason)"
    }
  }
}

extension MalformedReason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .endsInsideField: "the bytes end inside the field"
    case .varintTooLong: "a varint has more than 10 bytes or more than 64 bits"
    case .fieldNumber(let number): "field number \(number) is not one of 1 to \(WireTag.maximumField)"
    case .unknownWireType(let type): "wire type \(type) is none of 0, 1, 2 and 5"
    case .wireType(let found, let expected): "wire type \(found), expected \(expected)"
    case .repeatedSingularField: "the field is there twice"
    case .nulInString: "a NUL in a string"
    case .invalidUTF8: "a string is not UTF-8"
    case .tooDeep(let limit): "nested deeper than \(limit) messages"
    case .notUnpacked: "protobuf-c could not unpack it"
    }
  }
}
