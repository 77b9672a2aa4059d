import Glibc
import NRI
import System
import TTRPC

/// The runtime's end of the trunk: one call at a time, and the plugin's registration.
struct RuntimeCaller {
  private static let readLength = 65536

  private let socket: FileDescriptor
  private let timeoutMilliseconds: Int64
  private var decoder = TrunkDecoder()
  private var received: [TrunkDecoder.Received] = []
  private var nextStream: UInt32 = 1

  init(socket: FileDescriptor, timeoutMilliseconds: Int64) {
    self.socket = socket
    self.timeoutMilliseconds = timeoutMilliseconds
  }

  /// Calls the plugin and waits for its answer's payload.
  mutating func call(_ method: String, _ payload: [UInt8]) throws(NRIRuntimeError) -> [UInt8] {
    let stream = nextStream
    nextStream += 2
    let nanoseconds = timeoutMilliseconds * 1_000_000
    let request = Request(
      service: Method.pluginService, method: method, payload: payload, timeoutNanoseconds: nanoseconds)
    let message = Message(header: MessageHeader(stream: stream, kind: .request), body: request.encoded())
    try send(message, on: Connection.plugin, for: method)
    return try answer(to: method, stream)
  }

  /// Waits for RegisterPlugin and answers it. A registration that breaks the rules is refused, and the error is thrown.
  mutating func registration(timeoutMilliseconds: Int64) throws(NRIRuntimeError) -> Registration {
    let deadline = Deadline(milliseconds: timeoutMilliseconds, method: Method.registerPlugin)
    while true {
      let next = try next(before: deadline)
      guard next.connection == Connection.runtime, next.message.header.kind == .request else {
        throw unexpected(next)
      }
      if let registration = try serve(next.message) { return registration }
    }
  }

  private mutating func answer(to method: String, _ stream: UInt32) throws(NRIRuntimeError) -> [UInt8] {
    let deadline = Deadline(milliseconds: timeoutMilliseconds, method: method)
    while true {
      let next = try next(before: deadline)
      let header = next.message.header
      switch (next.connection, header.kind) {
      case (Connection.runtime, .request): _ = try serve(next.message)
      case (Connection.plugin, .response) where header.stream == stream:
        switch try wire({ () throws(WireError) in try Response(decoding: next.message.body) }) {
        case .success(let payload): return payload
        case .failure(let status): throw .refused(method: method, status)
        }
      default: throw unexpected(next)
      }
    }
  }

  /// The Runtime service. It serves only RegisterPlugin.
  private mutating func serve(_ message: Message) throws(NRIRuntimeError) -> Registration? {
    let request = try wire { () throws(WireError) in try Request(decoding: message.body) }
    guard request.service == Method.runtimeService, request.method == Method.registerPlugin else {
      let status = Status(code: Status.unimplemented, message: "method \(request.method) is not implemented")
      try respond(message.header.stream, .failure(status))
      return nil
    }
    let registration = try shared { () throws(NRIError) in try Registration(decoding: request.payload) }
    do { try registration.check() } catch {
      try respond(message.header.stream, .failure(Status(code: Status.unknown, message: "\(error)")))
      throw .session(error)
    }
    try respond(message.header.stream, .success([]))
    return registration
  }

  private func respond(_ stream: UInt32, _ response: Response) throws(NRIRuntimeError) {
    let message = Message(header: MessageHeader(stream: stream, kind: .response), body: response.encoded())
    try send(message, on: Connection.runtime, for: Method.registerPlugin)
  }

  private func send(_ message: Message, on connection: UInt32, for method: String) throws(NRIRuntimeError) {
    do { try socket.send(message, on: connection) } catch {
      if case .socket(let error) = error, error.code == EPIPE { throw .pluginEnded(method: method) }
      throw .session(error)
    }
  }

  private func unexpected(_ received: TrunkDecoder.Received) -> NRIRuntimeError {
    let header = received.message.header
    return .session(
      .unexpectedMessage(connection: received.connection, kind: header.kind, stream: header.stream))
  }
}

extension RuntimeCaller {
  private struct Deadline {
    let end: ContinuousClock.Instant
    let milliseconds: Int64
    let method: String

    init(milliseconds: Int64, method: String) {
      end = .now + .milliseconds(milliseconds)
      self.milliseconds = milliseconds
      self.method = method
    }
  }

  private mutating func next(before deadline: Deadline) throws(NRIRuntimeError) -> TrunkDecoder.Received {
    while received.isEmpty {
      let bytes = try read(before: deadline)
      received = try wire { () throws(WireError) in try decoder.receive(bytes[...]) }
    }
    return received.removeFirst()
  }

  private func read(before deadline: Deadline) throws(NRIRuntimeError) -> [UInt8] {
    let left = Int64(deadline.end.duration(to: .now) / .milliseconds(-1))
    let timeOut = NRIRuntimeError.timedOut(method: deadline.method, milliseconds: deadline.milliseconds)
    // 0 would wait for ever.
    if left < 1 { throw timeOut }
    do {
      try Socket.setReceiveTimeout(milliseconds: left, on: socket)
      let bytes = try socket.read(atMost: Self.readLength)
      if !bytes.isEmpty { return bytes }
    } catch {
      switch error.code {
      case EAGAIN: throw timeOut
      case ECONNRESET: break
      default: throw .session(.socket(error))
      }
    }
    throw .pluginEnded(method: deadline.method)
  }

  private func wire<Value>(_ body: () throws(WireError) -> Value) throws(NRIRuntimeError) -> Value {
    do { return try body() } catch { throw .session(.wire(error)) }
  }
}
