import Glibc
import Synchronization
import System

@testable import NRI
@testable import TTRPC

/// A plugin that sends what a test tells it to, right or wrong, from a thread of its own.
final class RawPlugin: Sendable {
  enum Reply: Sendable {
    case answer(Response)
    /// As an answer, but on another stream.
    case wrongStream
    case silence
    case close
    /// Frames without end, none of which is an answer.
    case flood
    /// Another call to the runtime first, on stream 3.
    case callFirst(String)
  }

  struct Called: Sendable {
    let method: String
    let payload: [UInt8]
    let timeoutNanoseconds: Int64
  }

  private struct Record {
    var calls: [Called] = []
    /// What the runtime answered to our own calls.
    var answers: [Response] = []
  }

  private let socket: FileDescriptor
  private let registration: [Message]
  private let reply: @Sendable (String, _ payload: [UInt8]) -> Reply
  private let record = Mutex(Record())
  private let thread = Mutex<pthread_t?>(nil)

  /// - Parameter first: what it sends before any call comes; RegisterPlugin when nil.
  init(
    socket: FileDescriptor, first: [Message]? = nil,
    reply: @escaping @Sendable (String, _ payload: [UInt8]) -> Reply = { _, _ in .answer(.success([])) }
  ) {
    self.socket = socket
    registration = first ?? [.registration(name: "raw", index: "10")]
    self.reply = reply
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        Unmanaged<RawPlugin>.fromOpaque(context!).takeRetainedValue().serve()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    self.thread.withLock { $0 = thread }
  }

  /// Waits for its end, which comes when the runtime's half is closed.
  func join() {
    if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
  }

  var calls: [Called] { record.withLock { $0.calls } }
  var answers: [Response] { record.withLock { $0.answers } }

  private func serve() {
    defer { shutdown(socket.number, Int32(SHUT_RDWR)) }
    var decoder = TrunkDecoder()
    do {
      for message in registration { try socket.send(message, on: Connection.runtime) }
      while case let bytes = try socket.read(atMost: 65536), !bytes.isEmpty {
        for received in try decoder.receive(bytes[...]) where try !handle(received) { return }
      }
    } catch {}  // The runtime's half is gone, or waits no more: what it threw is what the test looks at.
  }

  /// False to end.
  private func handle(_ received: TrunkDecoder.Received) throws -> Bool {
    let stream = received.message.header.stream
    if received.connection == Connection.runtime {
      let answer = try Response(decoding: received.message.body)
      record.withLock { $0.answers.append(answer) }
      return true
    }
    let request = try Request(decoding: received.message.body)
    record.withLock {
      $0.calls.append(
        Called(method: request.method, payload: request.payload, timeoutNanoseconds: request.timeoutNanoseconds))
    }
    return try send(reply(request.method, request.payload), stream)
  }

  private func send(_ reply: Reply, _ stream: UInt32) throws -> Bool {
    switch reply {
    case .answer(let response): try respond(response, stream)
    case .wrongStream: try respond(.success([]), stream + 2)
    case .silence: break
    case .close: return false
    case .flood: while true { try Socket.send([0, 0, 0, 9, 0, 0, 0, 0], on: socket) }
    case .callFirst(let method):
      try socket.send(.call(method, stream: 3, service: Method.runtimeService), on: Connection.runtime)
      try respond(.success([]), stream)
    }
    return true
  }

  private func respond(_ response: Response, _ stream: UInt32) throws {
    let header = MessageHeader(stream: stream, kind: .response)
    try socket.send(Message(header: header, body: response.encoded()), on: Connection.plugin)
  }
}

extension Message {
  static func registration(name: String, index: String) -> Message {
    let payload = Registration(name: name, index: index, nriVersion: "v0.12.0").encoded()
    return .call(Method.registerPlugin, payload, stream: 1, service: Method.runtimeService)
  }
}
