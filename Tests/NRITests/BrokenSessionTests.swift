import Glibc
import System
import Testing

@testable import NRI
@testable import TTRPC

/// A message after which the connection cannot go on.
struct BrokenSession: Sendable, CustomTestStringConvertible {
  let name: String
  let connection: UInt32
  let message: Message
  let error: String

  var testDescription: String { name }

  init(
    _ name: String, _ connection: UInt32, _ kind: MessageHeader.Kind, stream: UInt32, _ body: [UInt8], _ error: String
  ) {
    self.name = name
    self.connection = connection
    message = Message(header: MessageHeader(stream: stream, kind: kind), body: body)
    self.error = error
  }

  /// The first is answered by stream 1 of the runtime's connection: RegisterPlugin.
  static let all = [
    Self("a response to nothing", 1, .response, stream: 1, [], "unexpected response on connection 1, stream 1"),
    Self("data", 1, .data, stream: 3, [], "unexpected data on connection 1, stream 3"),
    Self("data of the runtime", 2, .data, stream: 1, [], "unexpected data on connection 2, stream 1"),
    Self("a call on our own connection", 2, .request, stream: 1, [], "unexpected request on connection 2, stream 1"),
    Self("a response to another stream", 2, .response, stream: 3, [], "unexpected response on connection 2, stream 3"),
    Self(
      "a refused registration", 2, .response, stream: 1,
      Response.failure(Status(code: 2, message: "no plugins today")).encoded(),
      "the runtime refused the registration (code 2): no plugins today"),
    Self(
      "a broken answer to the registration", 2, .response, stream: 1, [0x0a, 0x01],
      "NRI connection: malformed message: Response.status: the bytes end inside the field"),
  ]
}

@Suite("broken sessions")
struct BrokenSessionTests {
  @Test("a message that belongs to nothing ends the session", arguments: BrokenSession.all)
  func ends(_ broken: BrokenSession) throws {
    let error = #expect(throws: NRIError.self) {
      try Plugin().receive(broken.message, on: broken.connection)
    }
    #expect(error?.description == broken.error)
  }

  @Test("a second answer to the registration ends the session")
  func registeredTwice() throws {
    let plugin = try Plugin()
    let answer = Message(header: MessageHeader(stream: 1, kind: .response), body: [])
    #expect(try plugin.receive(answer, on: Connection.runtime) == nil)
    let unexpected = NRIError.unexpectedMessage(connection: 2, kind: .response, stream: 1)
    #expect(throws: unexpected) { try plugin.receive(answer, on: Connection.runtime) }
  }

  @Test(
    "an end after Configure, before the runtime has told anything, is told",
    arguments: [([], 0), (["Configure"], 1), (["Configure", "Synchronize"], 0), (["Configure", "Shutdown"], 0)])
  func untold(methods: [String], count: Int) throws {
    let (ours, theirs) = try boundedPair()
    let handler = ScriptedHandler()
    let session = PluginThread(socket: ours, handler: handler)
    for (index, method) in methods.enumerated() {
      try theirs.send(.call(method, stream: UInt32(index * 2 + 1)), on: Connection.plugin)
    }
    shutdownWriting(theirs)
    _ = session.join()
    #expect(handler.endedUntoldCount == count)
  }

  @Test("a runtime that registers the plugin and never tells what runs is left, and that is told")
  func neverTold() throws {
    let (ours, theirs) = try boundedPair()
    try theirs.send(.call("Configure", stream: 1), on: Connection.plugin)
    let handler = ScriptedHandler()
    let session = try PluginSession(
      socket: ours, name: "stockade", index: "10", handler: handler, synchronizesWithin: 50)
    #expect(throws: NRIError.notSynchronized) { try session.run() }
    #expect(handler.endedUntoldCount == 1)
  }

  @Test("once it was told, no silence ends a session")
  func toldOnce() throws {
    let (ours, theirs) = try boundedPair()
    for (stream, method) in [(UInt32(1), "Configure"), (3, "Synchronize")] {
      try theirs.send(.call(method, stream: stream), on: Connection.plugin)
    }
    shutdownWriting(theirs)
    let session = try PluginSession(
      socket: ours, name: "stockade", index: "10", handler: ScriptedHandler(), synchronizesWithin: 20_000)
    #expect(try session.run() == .closed)
    var time = timeval()
    var size = socklen_t(MemoryLayout<timeval>.size)
    try call("look") { getsockopt(ours.number, SOL_SOCKET, SO_RCVTIMEO, &time, &size) }
    #expect(time.tv_sec == 0 && time.tv_usec == 0)
  }

  @Test("while nothing comes, a session beats and goes on")
  func beats() throws {
    let (ours, theirs) = try boundedPair()
    for (stream, method) in [(UInt32(1), "Configure"), (3, "Synchronize")] {
      try theirs.send(.call(method, stream: stream), on: Connection.plugin)
    }
    var beats = 0
    let pulse = Pulse(milliseconds: 5) {
      beats += 1
      if beats == 20 { shutdownWriting(theirs) }
    }
    let session = try PluginSession(
      socket: ours, name: "stockade", index: "10", handler: ScriptedHandler(), synchronizesWithin: 20_000, pulse: pulse)
    #expect(try session.run() == .closed)
    #expect(beats >= 20)
  }

  @Test("a session that beats is left all the same where nobody tells what runs")
  func beatsUntold() throws {
    let (ours, theirs) = try boundedPair()
    try theirs.send(.call("Configure", stream: 1), on: Connection.plugin)
    let session = try PluginSession(
      socket: ours, name: "stockade", index: "10", handler: ScriptedHandler(), synchronizesWithin: 50,
      pulse: Pulse(milliseconds: 5) {})
    #expect(throws: NRIError.notSynchronized) { try session.run() }
  }

  @Test("bytes that are no frames end the session")
  func noFrames() throws {
    let service = try PluginService(name: "stockade", index: "10", handler: ScriptedHandler())
    #expect(throws: NRIError.wire(.reservedConnection)) { try service.receive([0, 0, 0, 0, 0, 0, 0, 0]) { _ in } }
  }

  @Test("a connection that ends inside a frame is said")
  func truncated() throws {
    let service = try PluginService(name: "stockade", index: "10", handler: ScriptedHandler())
    try service.receive([0, 0, 0, 1, 0]) { _ in }
    let error = #expect(throws: NRIError.self) { try service.finish() }
    #expect(
      error?.description == "NRI connection: connection ended inside a frame: 5 of 8 bytes were received")
  }

  @Test(
    "names and indexes that the runtime refuses are not sent",
    arguments: [
      ("", "10", "plugin name \"\""), ("a b", "10", "plugin name \"a b\""), ("ä", "10", "plugin name \"ä\""),
      ("a/b", "10", "plugin name \"a/b\""), ("stockade", "", "plugin index \"\""),
      ("stockade", "1", "plugin index \"1\""),
      ("stockade", "100", "plugin index \"100\""), ("stockade", "1a", "plugin index \"1a\""),
      ("stockade", "٣", "plugin index \"٣\""),
    ])
  func registration(name: String, index: String, start: String) {
    let error = #expect(throws: NRIError.self) {
      try PluginService(name: name, index: index, handler: ScriptedHandler())
    }
    #expect(error?.description.hasPrefix("\(start) is not valid: use ") == true)
  }
}
