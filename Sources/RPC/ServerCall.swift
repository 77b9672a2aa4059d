import CGRPC
import Glibc
import Synchronization
import System

/// One call that a client makes. Whoever still has to do with it keeps it; the last one to let go frees it.
final class ServerCall: Sendable {
  /// gRPC guards its calls itself, and this one lives as long as this object.
  private nonisolated(unsafe) let call: OpaquePointer
  let method: String
  /// The number of the connection's descriptor that gRPC has.
  let connection: Int32?
  private let connections: Connections

  private struct State {
    var hasAnswered = false
    var hasStatus = false
    var isOver = false
    var whenOver: [@Sendable () -> Void] = []
  }
  /// Held while a batch is begun: a batch that begins after the call's end may begin after the queue's, which ends the
  /// process.
  private let state = Mutex(State())

  init(_ call: OpaquePointer, method: String, _ connections: Connections) {
    (self.call, self.method, self.connections) = (call, method, connections)
    let peer = grpc_call_get_peer(call)
    defer { gpr_free(peer) }
    let name = peer.map { String(cString: $0) } ?? ""
    connection = name.hasPrefix("fd:") ? Int32(name.dropFirst(3)) : nil
  }

  deinit { grpc_call_unref(call) }

  var isOver: Bool { state.withLock { $0.isOver } }

  /// Calls `act` once the call is over, however it ends; at once if it is over.
  func whenOver(_ act: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      if !state.isOver { state.whenOver.append(act) }
      return state.isOver
    }
    if isLate { act() }
  }

  /// Must be called once, at the start.
  func followEnd(_ ended: @escaping @Sendable () -> Void) {
    let cancelled = Box<Int32>(0)
    let isStarted = Completion.start({ cgrpc_receive_close(call, cancelled.pointer, $0) }) { [self] _ in
      _ = cancelled
      end()
      ended()
    }
    if !isStarted {
      end()
      ended()
    }
  }

  private func end() {
    let acts = state.withLock { state in
      state.isOver = true
      defer { state.whenOver = [] }
      return state.whenOver
    }
    for act in acts { act() }
  }

  /// - Parameter receive: gets the bytes of the next request; nil: there is none, or none that may be read.
  func receive(_ receive: @escaping @Sendable ([UInt8]?) -> Void) {
    let message = MessageSlot()
    let isStarted = start({ _ in true }, answers: false) {
      cgrpc_receive_message($0, message.received.slot, $2)
    } done: { isDone in
      receive(isDone ? message.received.bytes(limit: RPCLimits.requestMaxBytes) : nil)
    }
    if !isStarted { receive(nil) }
  }

  /// Sends one of several answers.
  ///
  /// - Parameter sent: whether the client's half has taken it.
  func send(_ bytes: [UInt8], _ sent: @escaping @Sendable (Bool) -> Void) {
    let message = cgrpc_message(bytes, bytes.count)
    let isStarted = start({ !$0.hasStatus }, answers: true) {
      cgrpc_send_message($0, message, $1, $2)
    } done: {
      sent($0)
    }
    grpc_byte_buffer_destroy(message)
    if !isStarted { sent(false) }
  }

  /// Ends the call, once; a second status is dropped.
  ///
  /// - Parameter answer: sent before the status.
  func finish(_ status: RPCStatus, answer: [UInt8]? = nil) {
    let message = answer.map { cgrpc_message($0, $0.count) } ?? nil
    let code = grpc_status_code(rawValue: status.code.rawValue)
    let isFirst = { (state: inout State) in
      defer { state.hasStatus = true }
      return !state.hasStatus
    }
    _ = start(isFirst, answers: true) {
      cgrpc_send_status($0, message, $1, code, status.message, $2)
    } done: { _ in
    }
    if let message { grpc_byte_buffer_destroy(message) }
  }

  /// Begins a batch that sends or receives, unless the call is over.
  ///
  /// - Parameters:
  ///   - isWanted: looks whether the batch has a place in the call.
  ///   - batch: with the call, whether it would be the first answer, and its tag.
  /// - Returns: false: it was not begun, and `done` is not called.
  private func start(
    _ isWanted: (inout State) -> Bool, answers: Bool,
    _ batch: (OpaquePointer, Bool, UnsafeMutableRawPointer) -> grpc_call_error,
    done: @escaping @Sendable (Bool) -> Void
  ) -> Bool {
    state.withLock { state in
      if state.isOver || !isWanted(&state) { return false }
      defer { if answers { state.hasAnswered = true } }
      let sender = answers ? connection : nil
      if let sender { connections.noteSend(sender) }
      let isStarted = Completion.start({ batch(call, !state.hasAnswered, $0) }) { [self] isDone in
        if let sender { connections.noteSent(sender) }
        // gRPC needs the call until here.
        withExtendedLifetime(self) { done(isDone) }
      }
      if !isStarted, let sender { connections.noteSent(sender) }
      return isStarted
    }
  }

  /// Ends the call whether or not the client takes anything.
  func cancel(_ status: RPCStatus) {
    state.withLock { $0.hasStatus = true }
    _ = grpc_call_cancel_with_status(call, grpc_status_code(rawValue: status.code.rawValue), status.message, nil)
  }
}

/// A value at a place that does not move, until nobody has it any more.
private final class Box<Value>: @unchecked Sendable {
  // gRPC writes it once, before the completion that reads it.
  let pointer = UnsafeMutablePointer<Value>.allocate(capacity: 1)
  init(_ value: Value) { pointer.initialize(to: value) }
  deinit {
    pointer.deinitialize(count: 1)
    pointer.deallocate()
  }
}

private final class MessageSlot: @unchecked Sendable {
  // As above.
  let received = ReceivedMessage()
}
