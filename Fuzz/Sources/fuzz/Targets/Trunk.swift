@testable import TTRPC

extension Target {
  /// The bytes of NRI's socket. However they are cut, they give the same messages, and these are written as they came.
  static let trunk = Target(name: "trunk", samples: { Captured.trunks.map { [0] + $0 } + [[1] + longCall] }) { input in
    let (choice, bytes) = input.choice()
    let takesLong = choice & 1 == 1
    let whole = Received(bytes, takesLong: takesLong, step: bytes.count)
    for step in [1, 2 + choice / 2] {
      let cut = Received(bytes, takesLong: takesLong, step: step)
      // Where several bytes are wrong, the cut decides which are told.
      require((cut.error == nil) == (whole.error == nil), "cut by \(step): \(cut.error as Any); \(whole.error as Any)")
      require(whole.error != nil || cut == whole, "cut by \(step), the messages are others")
    }
    for received in whole.messages where received.part == nil { writeAgain(received) }
  }

  private static func writeAgain(_ received: TrunkDecoder.Received) {
    do {
      let bytes = Frame.frames(connection: received.connection, message: try received.message.encoded())
      var decoder = TrunkDecoder()
      let again = try decoder.receive(bytes[...])
      try decoder.finish()
      require(again == [received], "a message that is written and read is another one")
    } catch { require(false, "a message cannot be written and read: \(error)") }
  }

  /// The beginning of a call that is longer than messages may be.
  private static var longCall: [UInt8] { [0, 0, 0, 1, 0, 80, 0, 14, 0, 80, 0, 4, 0, 0, 0, 3, 1, 0, 10, 4, 65, 65] }

  /// The bodies of requests and answers. Written again, they are the same.
  static let ttrpc = Target(name: "ttrpc", samples: { Captured.bodies }) { input in
    let (choice, rest) = input.choice()
    let bytes = Array(rest)
    if choice & 1 == 0, let request = try? Request(decoding: bytes) {
      require((try? Request(decoding: request.encoded())) == request, "\(request)")
    }
    if choice & 1 == 1, let response = try? Response(decoding: bytes) {
      require((try? Response(decoding: response.encoded())) == response, "\(response)")
    }
  }
}

/// What a trunk gives if its bytes come so many at a time. The parts of a long message are put together.
private struct Received: Equatable {
  var messages: [TrunkDecoder.Received] = []
  var error: WireError?

  init(_ bytes: ArraySlice<UInt8>, takesLong: Bool, step: Int) {
    var decoder = TrunkDecoder(longCalls: takesLong)
    var rest = bytes
    do {
      while !rest.isEmpty {
        for received in try decoder.receive(rest.prefix(step)) { add(received) }
        rest = rest.dropFirst(step)
      }
      try decoder.finish()
    } catch { self.error = error }
  }

  private mutating func add(_ received: TrunkDecoder.Received) {
    let body = received.message.body
    require(received.part != nil || body.count <= MessageHeader.maximumBodyLength, "a message over the limit")
    guard let part = received.part, part.start > 0, let place = messages.lastIndex(where: { $0.part != nil }) else {
      return messages.append(received)
    }
    let before = messages[place]
    require(before.message.body.count == part.start, "a part is not where it says")
    let message = Message(header: before.message.header, body: before.message.body + body)
    messages[place] = .init(connection: before.connection, message: message, part: before.part)
  }
}
