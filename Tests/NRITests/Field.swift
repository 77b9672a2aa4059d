@testable import NRI
@testable import TTRPC

/// Protobuf fields as bytes, right or wrong.
enum Field {
  static func number(_ field: UInt8, _ value: UInt64) -> [UInt8] { [field << 3] + varint(value) }

  static func text(_ field: UInt8, _ value: String) -> [UInt8] { bytes(field, Array(value.utf8)) }

  static func bytes(_ field: UInt8, _ value: [UInt8]) -> [UInt8] {
    [field << 3 | 2] + varint(UInt64(value.count)) + value
  }

  /// A field in a field in a field: `path` from the outermost.
  static func nested(_ path: [UInt8], _ value: [UInt8]) -> [UInt8] {
    path.reversed().reduce(value) { bytes($1, $0) }
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
  }
}

extension Message {
  /// A call of the Plugin service.
  static func call(
    _ method: String, _ payload: [UInt8] = [], stream: UInt32, service: String = Method.pluginService
  ) -> Message {
    let request = Request(service: service, method: method, payload: payload)
    return Message(header: MessageHeader(stream: stream, kind: .request), body: request.encoded())
  }
}

/// A plugin's half without a socket, and what it sent.
final class Plugin {
  let handler: ScriptedHandler
  private let service: PluginService
  private var stream: UInt32 = 1

  init(_ handler: ScriptedHandler = ScriptedHandler()) throws {
    self.handler = handler
    service = try PluginService(name: "stockade", index: "10", handler: handler)
  }

  /// Gives it one message; its answer, if it gave one.
  func receive(_ message: Message, on connection: UInt32 = Connection.plugin) throws -> Response? {
    try receive(frames: Frame.frames(connection: connection, message: try message.encoded()))
  }

  /// As a socket gives them.
  func receive(frames: [UInt8]) throws -> Response? {
    var answer: Message?
    var rest = frames[...]
    while !rest.isEmpty {
      try service.receive(rest.prefix(65536)) { answer = $0 }
      rest = rest.dropFirst(65536)
    }
    return try answer.map { try Response(decoding: $0.body) }
  }

  func call(_ method: String, _ payload: [UInt8] = [], stream: UInt32? = nil) throws -> Response? {
    self.stream = stream ?? self.stream + 2
    return try receive(.call(method, payload, stream: self.stream))
  }

  /// Configure by a runtime of that version, and Synchronize with nothing.
  func start(nriVersion: String = "v0.12.0") throws {
    _ = try call(Method.configure, Field.text(6, nriVersion))
    _ = try call(Method.synchronize)
  }
}
