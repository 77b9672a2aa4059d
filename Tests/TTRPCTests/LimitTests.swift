import Testing

@testable import TTRPC

@Suite("limits of the wire")
struct LimitTests {
  @Test("a message of 4096 bytes is one frame")
  func firstFrame() {
    let message = [UInt8](repeating: 7, count: 4096)
    #expect(Frame.frames(connection: 1, message: message) == [0, 0, 0, 1, 0, 0, 0x10, 0] + message)
  }

  @Test("a message of 4097 bytes is a frame of 4096 and one of the rest")
  func secondFrame() {
    let message = [UInt8](repeating: 7, count: 4097)
    let frames = Frame.frames(connection: 2, message: message)
    #expect(frames == [0, 0, 0, 2, 0, 0, 0x10, 0] + message.dropLast() + [0, 0, 0, 2, 0, 0, 0, 1, 7])
  }

  @Test("the longest message has two frames and is read again")
  func longestMessage() throws {
    let message = Message(header: MessageHeader(stream: 1, kind: .response), body: longestBody)
    let frames = Frame.frames(connection: 1, message: try message.encoded())
    #expect(frames.count == longestBody.count + MessageHeader.length + 2 * Frame.headerLength)
    var decoder = TrunkDecoder()
    let received = try decoder.receive(frames[...])
    try #require(received.count == 1)
    let isSame = received[0].connection == 1 && received[0].message == message
    #expect(isSame)
  }

  @Test("a message with a byte more is not sent")
  func tooLongMessage() {
    let message = Message(header: MessageHeader(stream: 9, kind: .response), body: longestBody + [0])
    #expect(throws: WireError.messageTooLong(stream: 9, length: 4_194_305)) { try message.encoded() }
  }

  @Test("the longest message is received in one frame, and a byte more in it is refused")
  func longestFrame() throws {
    let message = Message(header: MessageHeader(stream: 1, kind: .request), body: longestBody)
    var decoder = TrunkDecoder()
    // 4 MiB + 10
    let received = try decoder.receive([0, 0, 0, 1, 0, 0x40, 0, 0x0a] + message.encoded())
    #expect(received.count == 1)
    #expect(throws: WireError.frameTooLong(connection: 1, length: 4_194_315)) {
      try decoder.receive([0, 0, 0, 1, 0, 0x40, 0, 0x0b])
    }
  }

  @Test("a body's length is taken at the limit and refused one past it")
  func bodyLength() throws {
    var framer = MessageFramer()
    let header = MessageHeader(stream: 1, kind: .request)
    // 4 MiB, stream 1, a request, no flags
    #expect(
      try framer.receive([0, 0x40, 0, 0, 0, 0, 0, 1, 1, 0]) == [.begin(header, bodyLength: 4_194_304)])
    var other = MessageFramer()
    #expect(throws: WireError.messageTooLong(stream: 1, length: 4_194_305)) {
      try other.receive([0, 0x40, 0, 1, 0, 0, 0, 1, 1, 0])
    }
  }

  private var longestBody: [UInt8] { [UInt8](repeating: 1, count: 4 << 20) }
}
