import Testing

@testable import TTRPC

/// What a trunk's bytes may not be, and what is said of them.
struct BrokenStream: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let message: String

  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8], _ message: String) {
    self.name = name
    self.bytes = bytes
    self.message = message
  }

  static let frames = [
    Self("connection 0", [0, 0, 0, 0, 0, 0, 0, 1], "\(reserved)"),
    Self("connection 0 without payload", [0, 0, 0, 0, 0, 0, 0, 0], "\(reserved)"),
    Self("text instead of frames", Array("HTTP/1.1 400 Bad Request".utf8), tooLong(0x2f31_2e31, on: 0x4854_5450)),
    Self("a byte more than the longest message", [0, 0, 0, 1, 0, 0x40, 0, 0x0b], tooLong(4_194_315, on: 1)),
    Self("too long on a connection that is dropped", [0, 0, 0, 9, 0, 0x40, 0, 0x0b], tooLong(4_194_315, on: 9)),
    Self("the longest length", [0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff], tooLong(4_294_967_295, on: 2)),
    Self("a header's first byte", [0], ended("frame: 1 of 8 bytes were received")),
    Self("a header but its last byte", [0, 0, 0, 1, 0, 0, 0], ended("frame: 7 of 8 bytes were received")),
    Self("a header without its payload", [0, 0, 0, 1, 0, 0, 0, 10], ended("frame: 0 of 10 bytes were received")),
    Self("a part of a payload", [0, 0, 0, 1, 0, 0, 0, 3, 0, 0], ended("frame: 2 of 3 bytes were received")),
    Self("a part of a dropped payload", [0, 0, 0, 9, 0, 0, 0, 3, 0], ended("frame: 1 of 3 bytes were received")),
    Self("a broken frame after a good one", [0, 0, 0, 9, 0, 0, 0, 1, 0] + [0, 0, 0, 0, 0, 0, 0, 0], "\(reserved)"),
  ]

  static let messages = [
    Self("a header's first byte", frame([0]), ended("message on connection 1")),
    Self("a header but its last byte", frame(Array(header(length: 0).dropLast())), ended("message on connection 1")),
    Self("a header without its body", frame(header(length: 1)), ended("message on connection 1")),
    Self("a part of a body", frame(header(length: 3) + [0, 0], on: 2), ended("message on connection 2")),
    Self("a part of a header after a whole message", frame(header(length: 0) + [0]), ended("message on connection 1")),
    Self("type 0", frame(header(length: 0, type: 0)), type(0)),
    Self("type 4", frame(header(length: 0, type: 4)), type(4)),
    Self("type 255", frame(header(length: 0, type: 255)), type(255)),
    Self("a byte over the limit", frame(header(length: 4_194_305)), messageTooLong(4_194_305)),
    Self("the longest length", frame(header(length: .max)), messageTooLong(4_294_967_295)),
    Self("over the limit, on the runtime's connection", frame(header(length: .max), on: 2), messageTooLong(.max)),
  ]

  private static let reserved = "frame on connection 0, which is reserved: not the NRI multiplexer's protocol"

  private static func tooLong(_ length: Int, on connection: Int) -> String {
    "frame of \(length) bytes on connection \(connection) is over the limit of 4194314: not the NRI multiplexer's protocol"
  }

  private static func messageTooLong(_ length: UInt32) -> String {
    "message of \(length) bytes on stream 5 is over the limit of 4194304"
  }

  private static func ended(_ place: String) -> String { "connection ended inside a \(place)" }

  private static func type(_ type: UInt8) -> String {
    "message of type \(type) on stream 5: expected 1 (request), 2 (response) or 3 (data)"
  }

  private static func frame(_ payload: [UInt8], on connection: UInt8 = 1) -> [UInt8] {
    [0, 0, 0, connection, 0, 0, 0, UInt8(payload.count)] + payload
  }

  /// A header on stream 5.
  private static func header(length: UInt32, type: UInt8 = 1) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: length)
    return bytes + [0, 0, 0, 5, type, 0]
  }
}

@Suite("broken streams")
struct BrokenStreamTests {
  @Test("a broken frame or message is refused and said", arguments: BrokenStream.frames + BrokenStream.messages)
  func isRefused(_ broken: BrokenStream) {
    #expect(error(of: [broken.bytes[...]]) == broken.message)
    #expect(error(of: broken.bytes.indices.map { broken.bytes[$0...$0] }) == broken.message)
  }

  @Test("frames of unknown connections are dropped, with and without payload")
  func unknownConnections() throws {
    var decoder = TrunkDecoder()
    #expect(try decoder.receive([0, 0, 0, 3, 0, 0, 0, 2, 1, 2, 0, 0, 0, 9, 0, 0, 0, 0]).isEmpty)
    try decoder.finish()
  }

  private func error(of pieces: [ArraySlice<UInt8>]) -> String? {
    var decoder = TrunkDecoder()
    do throws(WireError) {
      for piece in pieces { _ = try decoder.receive(piece) }
      try decoder.finish()
      return nil
    } catch { return "\(error)" }
  }
}
