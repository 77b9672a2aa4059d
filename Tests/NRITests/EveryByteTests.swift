import Testing

@testable import NRI
@testable import TTRPC

/// The whole recordings, the one of 5.4 MB too, cut in two at each of their bytes.
///
/// What decides where frames and messages begin holds nothing but headers, so that a copy of its state costs little and
/// each cut is read to the end of its frame only: from there on the state alone decides. What is left out, appending
/// the bytes to a body, is shown by the tests that read whole messages.
@Suite("framing at every byte", .timeLimit(.minutes(10)))
struct EveryByteTests {
  @Test("cut in two at any byte, the framing is the same", arguments: Capture.all)
  func splitEverywhere(_ capture: Capture) throws {
    let bytes = capture.bytes(of: .runtime)
    var framing = Framing()
    var start = 0
    while start < bytes.count {
      let end = frameEnd(bytes, start)
      var atOnce = framing
      atOnce.runs = []
      try atOnce.receive(bytes[start..<end])
      framing.runs = []
      for position in start..<end {
        var cut = framing
        try cut.receive(bytes[position..<end])
        if cut != atOnce { Issue.record("cut at byte \(position)") }
        try framing.receive(bytes[position...position])
      }
      #expect(framing == atOnce)
      start = end
    }
    #expect(start == bytes.count)
  }

  private func frameEnd(_ bytes: [UInt8], _ start: Int) -> Int {
    start + Frame.headerLength + bytes[start + 4..<start + 8].reduce(0) { $0 << 8 | Int($1) }
  }
}

/// The two layers of framing, and what they made of the bytes since `runs` was emptied.
private struct Framing: Equatable {
  enum Run: Equatable {
    case begin(connection: UInt32, MessageHeader, bodyLength: Int)
    /// Bytes of a body, by their place in the recording; neighbours are one run.
    case body(connection: UInt32, Range<Int>)
  }

  private var frames = FrameDecoder()
  private var plugin = MessageFramer()
  private var runtime = MessageFramer()
  var runs: [Run] = []

  mutating func receive(_ bytes: ArraySlice<UInt8>) throws(WireError) {
    for piece in try frames.receive(bytes) {
      let isPlugin = piece.connection == Connection.plugin
      for part in try isPlugin ? plugin.receive(piece.bytes) : runtime.receive(piece.bytes) {
        append(part, piece.connection)
      }
    }
  }

  private mutating func append(_ part: MessageFramer.Part, _ connection: UInt32) {
    switch part {
    case .begin(let header, let bodyLength):
      runs.append(.begin(connection: connection, header, bodyLength: bodyLength))
    case .body(let bytes):
      if case .body(connection, let before) = runs.last, before.upperBound == bytes.startIndex {
        runs[runs.count - 1] = .body(connection: connection, before.lowerBound..<bytes.endIndex)
      } else {
        runs.append(.body(connection: connection, bytes.startIndex..<bytes.endIndex))
      }
    }
  }
}
