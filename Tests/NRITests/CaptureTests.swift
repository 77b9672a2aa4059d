import System
import Testing

@testable import NRI
@testable import TTRPC

@Suite("recorded sessions with real containerd")
struct CaptureTests {
  @Test("all seven recordings are there, from NRI 0.6 to 0.12")
  func allAreThere() throws {
    #expect(
      Capture.all.map(\.name) == [
        "bigpolicy-2.3.4.cap", "chunked-sync-2.3.4.cap", "full-1.7.24.cap", "full-2.1.9.cap", "full-2.2.7.cap",
        "full-2.3.4.cap", "validator-2.3.4.cap",
      ])
    #expect(Capture.small.count == 6)
    for capture in Capture.all { #expect(try !capture.calls().isEmpty) }
  }

  @Test("our session answers each call as the recorded plugin did", arguments: Capture.all)
  func answersAlike(_ capture: Capture) throws {
    let sent = try answers(to: capture.chunks.filter { $0.side == .runtime }.map { $0.bytes[...] }, of: capture)
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("our session answers the same when every byte comes alone", arguments: Capture.small)
  func answersByteWise(_ capture: Capture) throws {
    let bytes = capture.bytes(of: .runtime)
    let sent = try answers(to: bytes.indices.map { bytes[$0...$0] }, of: capture)
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("our session answers the same over a socket", arguments: Capture.all)
  func answersOverSocket(_ capture: Capture) throws {
    let (ours, theirs) = try boundedPair()
    let session = PluginThread(
      socket: ours, name: Capture.plugin.name, index: Capture.plugin.index,
      handler: try ScriptedHandler(of: capture))
    try Socket.send(capture.bytes(of: .runtime), on: theirs)
    shutdownWriting(theirs)
    var decoder = TrunkDecoder()
    var sent: [TrunkDecoder.Received] = []
    while case let bytes = try theirs.read(atMost: 65536), !bytes.isEmpty { sent += try decoder.receive(bytes[...]) }
    #expect(session.join() == .success(.closed))
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("a part of a split Synchronize is answered with more, and the handler gets all parts at once")
  func splitSynchronize() throws {
    let handler = try ScriptedHandler(of: Capture.split)
    let service = try PluginService(name: Capture.plugin.name, index: Capture.plugin.index, handler: handler)
    var answers: [Response] = []
    try service.receive(Capture.split.bytes(of: .runtime)[...]) { message in
      if let answer = try? Response(decoding: message.body) { answers.append(answer) }
    }
    // SynchronizeResponse: more (2) = true
    #expect(answers.filter { $0 == .success([0x10, 0x01]) }.count == 1)
    #expect(handler.synchronized.count == 1)
    #expect(handler.synchronized.first?.pods.count == 6)
    #expect(handler.synchronized.first?.containers.count == 12)
  }

  /// What our session sends while it is given `pieces`.
  private func answers(to pieces: [ArraySlice<UInt8>], of capture: Capture) throws -> [TrunkDecoder.Received] {
    let service = try PluginService(
      name: Capture.plugin.name, index: Capture.plugin.index, handler: try ScriptedHandler(of: capture))
    var sent = [TrunkDecoder.Received(connection: Connection.runtime, message: service.registration)]
    for piece in pieces {
      try service.receive(piece) { sent.append(.init(connection: Connection.plugin, message: $0)) }
    }
    try service.finish()
    return sent
  }

  /// The same calls answered in the same order, with the same meaning.
  private func expectSame(_ ours: [TrunkDecoder.Received], _ theirs: [TrunkDecoder.Received]) throws {
    #expect(ours.map(\.connection) == theirs.map(\.connection))
    #expect(ours.map(\.message.header) == theirs.map(\.message.header))
    for (our, their) in zip(ours, theirs) {
      if our.connection == Connection.plugin {
        #expect(try Answer(our.message) == Answer(their.message))
      } else {
        #expect(try registration(our.message) == registration(their.message))
      }
    }
  }

  private func registration(_ message: Message) throws -> Registration {
    let request = try Request(decoding: message.body)
    #expect(request.service == Method.runtimeService)
    #expect(request.method == Method.registerPlugin)
    return try Registration(decoding: request.payload)
  }

  /// What an answer means, whatever it answers: each field is read as every answer's that could have it.
  private struct Answer: Equatable {
    let status: Status?
    let events: EventMask?
    let more: Bool?
    let policy: LinuxSeccomp?

    init(_ message: Message) throws {
      switch try Response(decoding: message.body) {
      case .failure(let status):
        self.status = status
        (events, more, policy) = (nil, nil, nil)
      case .success(let payload):
        status = nil
        events = try? RuntimeReading.events(payload)
        more = try? RuntimeReading.more(payload)
        policy = try? RuntimeReading.policy(payload)
      }
    }
  }
}
