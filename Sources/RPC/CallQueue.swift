import CGRPC
import Glibc
import Synchronization
import System

/// gRPC's server, and the thread that takes what comes out of its completion queue.
///
/// That thread must not wait for anything. Unary calls are answered by a thread for each lane.
final class CallQueue: Sendable {
  // gRPC guards both itself. They live until the process ends, or until `stop` has ended them.
  private nonisolated(unsafe) let server: OpaquePointer
  private nonisolated(unsafe) let queue: OpaquePointer
  private let methods: [String: RPCMethod]
  private let connections: Connections
  private let reading = TaskQueue(limit: RPCLimits.waitingCalls)
  private let changing = TaskQueue(limit: RPCLimits.waitingCalls)
  private let slow = TaskQueue(limit: RPCLimits.waitingCalls)
  /// Streams that begin, which may take a while. Each has its place among the streams already.
  private let beginning = TaskQueue(limit: RPCLimits.streams)
  private let thread = Mutex<Thread?>(nil)

  private struct State {
    /// Calls that are not over, and the one that gRPC is asked for.
    var calls = 1
    var streams = 0
    /// The server takes no calls any more.
    var isShutDown = false
    var isQueueShutDown = false
  }
  private let state = Monitor(State())

  init(methods: [RPCMethod], connections: Connections) throws(Errno) {
    self.methods = Dictionary(methods.map { ($0.name, $0) }) { first, _ in first }
    self.connections = connections
    queue = grpc_completion_queue_create_for_next(nil)
    server = Self.makeServer()
    grpc_server_register_completion_queue(server, queue, nil)
    GRPC.withoutSignals { grpc_server_start(server) }
    requestCall()
    let started = try Thread { [self] in run() }
    thread.withLock { $0 = started }
  }

  private static func makeServer() -> OpaquePointer {
    var arguments = [
      cgrpc_number(CGRPC_MAX_RECEIVE_MESSAGE_LENGTH, Int32(RPCLimits.requestMaxBytes)),
      cgrpc_number(CGRPC_MAX_SEND_MESSAGE_LENGTH, Int32(RPCLimits.answerMaxBytes)),
      cgrpc_number(CGRPC_MAX_METADATA_SIZE, Int32(RPCLimits.metadataMaxBytes)),
      cgrpc_number(CGRPC_MAX_CONCURRENT_STREAMS, Int32(RPCLimits.callsOfConnection)),
      cgrpc_number(CGRPC_MAX_CONNECTION_IDLE_MS, Int32(RPCLimits.idleMinutes * 60_000)),
      // A client that is stopped, or gone without a word.
      cgrpc_number(CGRPC_KEEPALIVE_TIME_MS, 60_000),
      cgrpc_number(CGRPC_KEEPALIVE_TIMEOUT_MS, 20_000),
      cgrpc_number(CGRPC_ENABLE_CHANNELZ, 0),
      // What a request unpacks to has no limit.
      cgrpc_number(CGRPC_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
    ]
    return arguments.withUnsafeMutableBufferPointer { buffer in
      var list = grpc_channel_args(num_args: buffer.count, args: buffer.baseAddress)
      return grpc_server_create(&list, nil)
    }
  }

  /// Takes a connection over. gRPC closes its descriptor.
  func add(_ descriptor: Int32) {
    let credentials = grpc_insecure_server_credentials_create()
    GRPC.withoutSignals { grpc_server_add_channel_from_fd(server, descriptor, credentials) }
    grpc_server_credentials_release(credentials)
  }

  private func run() {
    while true {
      let event = grpc_completion_queue_next(queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), nil)
      if event.type == GRPC_QUEUE_SHUTDOWN { return }
      Completion.take(event)
    }
  }

  /// Asks gRPC for the next call.
  private func requestCall() {
    let arrival = Arrival()
    _ = Completion.start({
      grpc_server_request_call(server, arrival.call, arrival.details, arrival.metadata, queue, queue, $0)
    }) { [self] isDone in
      guard isDone, let call = arrival.call.pointee else {
        state.withLock { $0.calls -= 1 }
        return endQueueIfDone()
      }
      requestCall()
      begin(ServerCall(call, method: text(arrival.details.pointee.method), connections))
    }
  }

  private func begin(_ call: ServerCall) {
    state.withLock { $0.calls += 1 }
    let arrival = call.connection.flatMap { connections.noteCall($0) }
    call.followEnd { [self] in
      if arrival != nil, let number = call.connection { connections.noteEnd(number) }
      state.withLock { $0.calls -= 1 }
      endQueueIfDone()
    }
    let peer: RPCPeer
    switch arrival {
    case .peer(let found): peer = found
    case .tooMany: return call.cancel(RPCStatus(.resourceExhausted, "too many calls"))
    case nil: return call.finish(RPCStatus(.unavailable, "the connection has ended"))
    }
    guard let method = methods[call.method] else {
      return call.finish(RPCStatus(.unimplemented, "there is no method \(call.method)"))
    }
    switch method.kind {
    case .dialogue(let answer): converse(call, peer, answer)
    case .unary(let lane, let answer):
      withRequest(call) { [self] request in
        let isTaken = queue(of: lane).run { Self.answer(call, request, peer, answer) }
        if !isTaken { call.finish(Self.busy) }
      }
    case .stream(let begin):
      withRequest(call) { [self] request in
        guard takesStream(call) else {
          return call.finish(RPCStatus(.resourceExhausted, "\(RPCLimits.streams) streams are open already"))
        }
        let isTaken = beginning.run { [self] in stream(call, request, peer, begin) }
        if !isTaken { call.finish(Self.busy) }
      }
    }
  }

  private func queue(of lane: RPCMethod.Lane) -> TaskQueue {
    switch lane {
    case .reading: reading
    case .changing: changing
    case .slow: slow
    }
  }

  private static let busy = RPCStatus(.resourceExhausted, "too many calls wait already; try again")

  private func withRequest(_ call: ServerCall, _ body: @escaping @Sendable ([UInt8]) -> Void) {
    call.receive { request in
      if let request { return body(request) }
      call.finish(RPCStatus(.invalidArgument, "no request, or one of over \(RPCLimits.requestMaxBytes) bytes"))
    }
  }

  private static func answer(_ call: ServerCall, _ request: [UInt8], _ peer: RPCPeer, _ answer: RPCMethod.Answer) {
    // Its client has gone, or waits no longer.
    if call.isOver { return }
    do throws(RPCStatus) {
      call.finish(.ok, answer: try checked(answer(request, peer)))
    } catch { call.finish(error) }
  }

  private static func checked(_ answer: [UInt8]) throws(RPCStatus) -> [UInt8] {
    if answer.count <= RPCLimits.answerMaxBytes { return answer }
    throw RPCStatus(
      .resourceExhausted, "the answer has \(answer.count) bytes, over the \(RPCLimits.answerMaxBytes) that one may have"
    )
  }

  /// Counts the call as a stream until it is over. false: there are too many.
  private func takesStream(_ call: ServerCall) -> Bool {
    let hasRoom = state.withLock { state in
      if state.streams == RPCLimits.streams { return false }
      state.streams += 1
      return true
    }
    if hasRoom { call.whenOver { [state] in state.withLock { $0.streams -= 1 } } }
    return hasRoom
  }

  private func stream(
    _ call: ServerCall, _ request: [UInt8], _ peer: RPCPeer,
    _ begin: ([UInt8], RPCPeer, RPCStream) throws(RPCStatus) -> Void
  ) {
    if call.isOver { return }
    let stream = RPCStream(call) { [connections] in call.connection.map { connections.cut($0) } }
    do throws(RPCStatus) { try begin(request, peer, stream) } catch { call.finish(error) }
  }

  /// One request after the other, until the client has no more.
  private func converse(_ call: ServerCall, _ peer: RPCPeer, _ answer: @escaping RPCMethod.Answer) {
    call.receive { [self] request in
      guard let request else { return call.finish(.ok) }
      let isTaken = reading.run { [self] in
        do throws(RPCStatus) {
          call.send(try Self.checked(answer(request, peer))) { [self] isSent in
            if isSent { converse(call, peer, answer) }
          }
        } catch { call.finish(error) }
      }
      if !isTaken { call.finish(Self.busy) }
    }
  }

  /// Takes no more calls, and ends those that are there. After this process's end nobody waits for anything, so what is
  /// not over by then is left.
  func stop(milliseconds: Int) {
    let end = Completion.tag { [self] _ in
      state.withLock { $0.isShutDown = true }
      endQueueIfDone()
    }
    grpc_server_shutdown_and_notify(server, queue, end)
    grpc_server_cancel_all_calls(server)
    if state.wait(milliseconds: milliseconds, until: { $0.isQueueShutDown }) {
      thread.withLock { $0 }?.join(milliseconds: milliseconds)
    }
    reading.stop()
    changing.stop()
    slow.stop()
    beginning.stop()
  }

  /// A batch that begins after the queue's end would end the process. So the queue ends when no call is left.
  private func endQueueIfDone() {
    let isDone = state.withLock { state in
      guard state.isShutDown, state.calls == 0, !state.isQueueShutDown else { return false }
      state.isQueueShutDown = true
      return true
    }
    if isDone { grpc_completion_queue_shutdown(queue) }
  }
}

/// Where gRPC writes the next call.
private final class Arrival: @unchecked Sendable {
  // gRPC writes it once, before the completion that reads it.
  let call = UnsafeMutablePointer<OpaquePointer?>.allocate(capacity: 1)
  let details = UnsafeMutablePointer<grpc_call_details>.allocate(capacity: 1)
  let metadata = UnsafeMutablePointer<grpc_metadata_array>.allocate(capacity: 1)

  init() {
    call.initialize(to: nil)
    grpc_call_details_init(details)
    grpc_metadata_array_init(metadata)
  }

  deinit {
    grpc_call_details_destroy(details)
    grpc_metadata_array_destroy(metadata)
    call.deallocate()
    details.deallocate()
    metadata.deallocate()
  }
}
