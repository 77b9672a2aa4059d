import CProtobuf

/// A call's request envelope.
package struct Request: Equatable, Sendable {
  package var service: String
  package var method: String
  package var payload: [UInt8]
  /// How long the caller waits; 0 means no limit.
  package var timeoutNanoseconds: Int64

  package init(service: String, method: String, payload: [UInt8], timeoutNanoseconds: Int64 = 0) {
    self.service = service
    self.method = method
    self.payload = payload
    self.timeoutNanoseconds = timeoutNanoseconds
  }

  package init(decoding bytes: [UInt8]) throws(WireError) {
    self = try Ttrpc__Request.decode(bytes) { message in
      Request(
        service: text(message.service), method: text(message.method), payload: Array(message.payload),
        timeoutNanoseconds: message.timeout_nano)
    }
  }

  package func encoded() -> [UInt8] {
    Ttrpc__Request.encode { message, arena in
      message.service = arena.string(service)
      message.method = arena.string(method)
      message.payload = arena.bytes(payload)
      message.timeout_nano = timeoutNanoseconds
    }
  }
}

/// A call's answer: the payload, or why there is none.
package enum Response: Equatable, Sendable {
  case success([UInt8])
  case failure(Status)

  package init(decoding bytes: [UInt8]) throws(WireError) {
    self = try Ttrpc__Response.decode(bytes) { message in
      guard let status = message.status?.pointee, status.code != Status.ok else {
        return .success(Array(message.payload))
      }
      return .failure(Status(code: status.code, message: text(status.message)))
    }
  }

  package func encoded() -> [UInt8] {
    Ttrpc__Response.encode { message, arena in
      switch self {
      case .success(let payload): message.payload = arena.bytes(payload)
      case .failure(let status):
        message.status = arena.message {
          $0.code = status.code
          $0.message = arena.string(status.message)
        }
      }
    }
  }
}

/// google.rpc.Status: a gRPC code and a text.
package struct Status: Error, Equatable, Sendable {
  package static let ok: Int32 = 0
  package static let unknown: Int32 = 2
  package static let invalidArgument: Int32 = 3
  package static let resourceExhausted: Int32 = 8
  package static let unimplemented: Int32 = 12

  package var code: Int32
  package var message: String

  package init(code: Int32, message: String) {
    self.code = code
    self.message = message
  }
}

extension [UInt8] {
  fileprivate init(_ data: ProtobufCBinaryData) {
    self.init(UnsafeBufferPointer(start: data.data, count: data.data == nil ? 0 : data.len))
  }
}

extension Ttrpc__Request: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { ttrpc__request__init(message) }
}

extension Ttrpc__Response: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { ttrpc__response__init(message) }
}

extension Google__Rpc__Status: ProtobufMessage {
  package static func initialize(_ message: UnsafeMutablePointer<Self>) { google__rpc__status__init(message) }
}
