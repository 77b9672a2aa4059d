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
    for capture in Capture.all { #expect(try !capture.calls().isEmpty) }
  }

  @Test("our session answers each call as the recorded plugin did", arguments: Capture.all)
  func answersAlike(_ capture: Capture) throws {
    let handler = try ScriptedHandler(of: capture)
    let service = try PluginService(name: "rigplug", index: "01", handler: handler)
    var sent = [TrunkDecoder.Received(connection: Connection.runtime, message: service.registration)]
    for chunk in capture.chunks where chunk.side == .runtime {
      try service.receive(chunk.bytes[...]) { sent.append(.init(connection: Connection.plugin, message: $0)) }
    }
    try service.finish()
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("our session answers the same over a socket", arguments: Capture.all)
  func answersOverSocket(_ capture: Capture) throws {
    let (ours, theirs) = try Socket.pair()
    let session = PluginThread(socket: ours, name: "rigplug", index: "01") { try! ScriptedHandler(of: capture) }
    try Socket.send(capture.bytes(of: .runtime), on: theirs)
    shutdownWriting(theirs)
    var decoder = TrunkDecoder()
    var sent: [TrunkDecoder.Received] = []
    while case let bytes = try theirs.read(atMost: 65536), !bytes.isEmpty { sent += try decoder.receive(bytes[...]) }
    #expect(session.join() == .success(.closed))
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("our session answers the same when every byte comes alone", arguments: Capture.all)
  func answersByteWise(_ capture: Capture) throws {
    let service = try PluginService(name: "rigplug", index: "01", handler: try ScriptedHandler(of: capture))
    var sent = [TrunkDecoder.Received(connection: Connection.runtime, message: service.registration)]
    let bytes = capture.bytes(of: .runtime)
    for position in bytes.indices {
      try service.receive(bytes[position...position]) { sent.append(.init(connection: Connection.plugin, message: $0)) }
    }
    try service.finish()
    try expectSame(sent, try capture.messages(of: .plugin))
  }

  @Test("what the session is told has the strings of the recording", arguments: Capture.all)
  func readsStrings(_ capture: Capture) throws {
    let synchronized = try capture.calls().compactMap { call -> [Container]? in
      if case .synchronize(_, let containers, _) = call.call { containers } else { nil }
    }
    for container in synchronized.joined() {
      #expect(container.id.count == 64)
      #expect(container.cgroupsPath.contains(container.id))
      #expect(!container.arguments.isEmpty)
    }
  }

  @Test("a part of a split Synchronize is answered with more, and the handler gets all parts at once")
  func splitSynchronize() throws {
    let capture = try Capture(name: "chunked-sync-2.3.4.cap")
    let handler = try ScriptedHandler(of: capture)
    let service = try PluginService(name: "rigplug", index: "01", handler: handler)
    try service.receive(capture.bytes(of: .runtime)[...]) { _ in }
    #expect(handler.synchronized.count == 1)
    #expect(handler.synchronized.first?.pods.count == 6)
    #expect(handler.synchronized.first?.containers.count == 12)
  }

  /// The same calls answered in the same order, with the same meaning.
  private func expectSame(_ ours: [TrunkDecoder.Received], _ theirs: [TrunkDecoder.Received]) throws {
    #expect(ours.map(\.connection) == theirs.map(\.connection))
    #expect(ours.map(\.message.header) == theirs.map(\.message.header))
    for (our, their) in zip(ours, theirs) {
      guard our.connection == Connection.plugin else {
        let (ourRequest, theirRequest) = (
          try Request(decoding: our.message.body), try Request(decoding: their.message.body)
        )
        #expect(ourRequest.method == theirRequest.method)
        #expect(
          try Registration(decoding: ourRequest.payload) == Registration(decoding: theirRequest.payload))
        continue
      }
      let (ourResponse, theirResponse) = (
        try Response(decoding: our.message.body), try Response(decoding: their.message.body)
      )
      // A policy's fields are written in one order by both.
      #expect(ourResponse == theirResponse)
    }
  }
}
