import Testing

@testable import TTRPC

/// Bytes that are no ttrpc Request, and what is said of them after `malformed message: `.
struct BrokenCall: Sendable, CustomTestStringConvertible {
  let name: String
  let bytes: [UInt8]
  let message: String

  var testDescription: String { name }

  init(_ name: String, _ bytes: [UInt8], _ message: String) {
    self.name = name
    self.bytes = bytes
    self.message = message
  }

  private static let ends = "the bytes end inside the field"
  private static let tooLong = "a varint has more than 10 bytes or more than 64 bits"
  private static let notText = "a string is not UTF-8"
  private static let ones = [UInt8](repeating: 0xff, count: 9)

  // 0a service (1), 12 method (2), 1a payload (3): length-delimited; 20 timeout_nano (4): varint; 2a metadata (5).
  static let requests = [
    Self("field number 0", [0x02, 0x00], "Request: field number 0 is not one of 1 to 536870911"),
    Self(
      "field number 2^29", [0x82, 0x80, 0x80, 0x80, 0x10, 0x00],
      "Request: field number 536870912 is not one of 1 to 536870911"),
    Self("a group's begin", [0x0b], "Request: wire type 3 is none of 0, 1, 2 and 5"),
    Self("a group's end", [0x0c], "Request: wire type 4 is none of 0, 1, 2 and 5"),
    Self("wire type 6", [0x0e], "Request: wire type 6 is none of 0, 1, 2 and 5"),
    Self("wire type 7 of an unknown field", [0x7f], "Request: wire type 7 is none of 0, 1, 2 and 5"),
    Self("half a tag", [0x8a], "Request: \(ends)"),
    Self("a tag of 11 bytes", ones + [0xff, 0x01], "Request: \(tooLong)"),
    Self("a number of 65 bits", [0x20] + ones + [0x02], "Request.timeout_nano: \(tooLong)"),
    Self("half a number", [0x20, 0x80], "Request.timeout_nano: \(ends)"),
    Self("no number", [0x20], "Request.timeout_nano: \(ends)"),
    Self("a number for a string", [0x08, 0x01], "Request.service: wire type 0, expected 2"),
    Self("8 bytes for a string", [0x09] + ones.dropLast(), "Request.service: wire type 1, expected 2"),
    Self("4 bytes for bytes", [0x1d, 1, 2, 3, 4], "Request.payload: wire type 5, expected 2"),
    Self("a string for a number", [0x22, 0x01, 0x31], "Request.timeout_nano: wire type 2, expected 0"),
    Self("a number for a message", [0x28, 0x01], "Request.metadata: wire type 0, expected 2"),
    Self("a string without its length", [0x0a], "Request.service: \(ends)"),
    Self("a string with half its length", [0x0a, 0x80], "Request.service: \(ends)"),
    Self("a string that lacks a byte", [0x0a, 0x02, 0x61], "Request.service: \(ends)"),
    Self("a payload that lacks a byte", [0x1a, 0x02, 0x61], "Request.payload: \(ends)"),
    Self(
      "a length of 2^63", [0x0a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      "Request.service: \(ends)"),
    Self("a length of 2^63 - 1", [0x0a] + ones.dropLast() + [0x7f], "Request.service: \(ends)"),
    Self("an unknown string that lacks a byte", [0x7a, 0x02, 0x61], "Request: \(ends)"),
    Self("7 of an unknown field's 8 bytes", [0x79] + ones.prefix(7), "Request: \(ends)"),
    Self("3 of an unknown field's 4 bytes", [0x7d] + ones.prefix(3), "Request: \(ends)"),
    Self("the service twice", [0x0a, 0x01, 0x61, 0x0a, 0x01, 0x62], "Request.service: the field is there twice"),
    Self("the payload twice", [0x1a, 0x00, 0x1a, 0x00], "Request.payload: the field is there twice"),
    Self("the timeout twice", [0x20, 0x01, 0x20, 0x01], "Request.timeout_nano: the field is there twice"),
    Self("a NUL in the method", [0x12, 0x03, 0x61, 0x00, 0x62], "Request.method: a NUL in a string"),
    Self("a NUL after the method", [0x12, 0x02, 0x61, 0x00], "Request.method: a NUL in a string"),
    Self("a method that is a NUL", [0x12, 0x01, 0x00], "Request.method: a NUL in a string"),
    Self("a byte that is never UTF-8", [0x12, 0x01, 0xff], "Request.method: \(notText)"),
    Self("an over-long NUL", [0x12, 0x02, 0xc0, 0x80], "Request.method: \(notText)"),
    Self("an over-long slash", [0x12, 0x03, 0xe0, 0x80, 0xaf], "Request.method: \(notText)"),
    Self("a surrogate", [0x12, 0x03, 0xed, 0xa0, 0x80], "Request.method: \(notText)"),
    Self("a character past U+10FFFF", [0x12, 0x04, 0xf4, 0x90, 0x80, 0x80], "Request.method: \(notText)"),
    Self("half a character", [0x12, 0x02, 0xe2, 0x82], "Request.method: \(notText)"),
    Self("a continuation alone", [0x12, 0x01, 0x80], "Request.method: \(notText)"),
    Self("a NUL in a metadata key", [0x2a, 0x03, 0x0a, 0x01, 0x00], "Request.metadata.key: a NUL in a string"),
    Self("a metadata value past its message", [0x2a, 0x03, 0x12, 0x02, 0x61], "Request.metadata.value: \(ends)"),
    Self("a metadata that lacks a byte", [0x2a, 0x03, 0x12, 0x00], "Request.metadata: \(ends)"),
    Self("a broken second metadata", [0x2a, 0x00, 0x2a, 0x01, 0x12], "Request.metadata.value: \(ends)"),
  ]

  // 0a status (1): 08 code (1), 12 message (2); 12 payload (2).
  static let responses = [
    Self("a status twice", [0x0a, 0x00, 0x0a, 0x00], "Response.status: the field is there twice"),
    Self("a status that is a number", [0x08, 0x02], "Response.status: wire type 0, expected 2"),
    Self("a code that is a string", [0x0a, 0x02, 0x0a, 0x00], "Response.status.code: wire type 2, expected 0"),
    Self("a text with a NUL", [0x0a, 0x03, 0x12, 0x01, 0x00], "Response.status.message: a NUL in a string"),
    Self("a text that is not UTF-8", [0x0a, 0x03, 0x12, 0x01, 0xfe], "Response.status.message: \(notText)"),
    Self("half a status", [0x0a, 0x05, 0x08, 0x02], "Response.status: \(ends)"),
  ]
}

@Suite("ttrpc's own messages")
struct CallTests {
  @Test("a broken request is refused and the field named", arguments: BrokenCall.requests)
  func brokenRequest(_ broken: BrokenCall) {
    let error = #expect(throws: WireError.self) { try Request(decoding: broken.bytes) }
    #expect(error?.description == "malformed message: " + broken.message)
  }

  @Test("a broken response is refused and the field named", arguments: BrokenCall.responses)
  func brokenResponse(_ broken: BrokenCall) {
    let error = #expect(throws: WireError.self) { try Response(decoding: broken.bytes) }
    #expect(error?.description == "malformed message: " + broken.message)
  }

  @Test("a request is written and read")
  func request() throws {
    let request = Request(service: "s", method: "mé", payload: [0, 1], timeoutNanoseconds: 300)
    let bytes: [UInt8] = [
      0x0a, 0x01, 0x73,  // service
      0x12, 0x03, 0x6d, 0xc3, 0xa9,  // method
      0x1a, 0x02, 0x00, 0x01,  // payload
      0x20, 0xac, 0x02,  // timeout_nano
    ]
    #expect(request.encoded() == bytes)
    // Unknown fields, of all four wire types, are skipped.
    let unknown: [UInt8] = [0x78, 0x01, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 0x01, 0x00, 0x7d, 1, 2, 3, 4]
    #expect(try Request(decoding: unknown + bytes) == request)
    #expect(try Request(decoding: []) == Request(service: "", method: "", payload: []))
  }

  @Test(
    "a response is written and read",
    arguments: [
      (Response.success([]), []), (.success([7]), [0x12, 0x01, 0x07]),
      (.failure(Status(code: 12, message: "no")), [0x0a, 0x06, 0x08, 0x0c, 0x12, 0x02, 0x6e, 0x6f]),
      (.failure(Status(code: -1, message: "")), [0x0a, 0x0b, 0x08] + [UInt8](repeating: 0xff, count: 9) + [0x01]),
    ])
  func response(_ response: Response, _ bytes: [UInt8]) throws {
    #expect(response.encoded() == bytes)
    #expect(try Response(decoding: bytes) == response)
  }

  @Test("a status of code 0 is a success")
  func okStatus() throws {
    #expect(try Response(decoding: [0x0a, 0x02, 0x08, 0x00, 0x12, 0x01, 0x07]) == .success([7]))
  }

  @Test("a NUL in what we send becomes U+FFFD, since it would cut the string")
  func sentNUL() throws {
    let sent = Response.failure(Status(code: 2, message: "a\0b")).encoded()
    #expect(try Response(decoding: sent) == .failure(Status(code: 2, message: "a\u{fffd}b")))
  }
}
