import CGRPC
import Glibc
import System

/// Calls a server on a unix socket. One thread at a time uses it.
package final class RPCClient {
  private let channel: OpaquePointer
  private let queue: OpaquePointer

  private static let connectSeconds = 5

  /// Connects.
  package init(path: String) throws(Errno) {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let socket = FileDescriptor(owning: try System.call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    // connect(2) waits while too many others do.
    var limit = timeval(tv_sec: Self.connectSeconds, tv_usec: 0)
    let size = socklen_t(MemoryLayout<timeval>.size)
    try System.call("limit a wait") { setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &limit, size) }
    try UnixAddress(path).connect(socket)
    try GRPC.start()
    let number = try System.call("hand a connection over") { fcntl(socket.number, F_DUPFD_CLOEXEC, 3) }
    try System.call("hand a connection over") { fcntl(number, F_SETFL, O_NONBLOCK) }
    let credentials = grpc_insecure_credentials_create()
    var arguments = [
      cgrpc_number(CGRPC_MAX_RECEIVE_MESSAGE_LENGTH, Int32(2 * RPCLimits.answerMaxBytes)),
      cgrpc_number(CGRPC_ENABLE_RETRIES, 0),
    ]
    channel = arguments.withUnsafeMutableBufferPointer { buffer in
      var list = grpc_channel_args(num_args: buffer.count, args: buffer.baseAddress)
      return grpc_channel_create_from_fd("localhost", number, credentials, &list)
    }
    grpc_channel_credentials_release(credentials)
    queue = grpc_completion_queue_create_for_pluck(nil)
  }

  deinit {
    grpc_channel_destroy(channel)
    grpc_completion_queue_shutdown(queue)
    grpc_completion_queue_destroy(queue)
  }

  /// One request, one answer.
  package func call(_ method: String, _ request: [UInt8], seconds: Int) throws(RPCStatus) -> [UInt8] {
    var answer: [UInt8]?
    try follow(method, request, seconds: seconds) { bytes in
      answer = bytes
      return true
    }
    guard let answer else { throw RPCStatus(.internal, "the answer has no message") }
    return answer
  }

  /// One request, many answers.
  ///
  /// - Parameters:
  ///   - seconds: how long the call may take; nil: as long as it goes on.
  ///   - take: gets each answer; false ends the call.
  package func follow(
    _ method: String, _ request: [UInt8], seconds: Int?, take: ([UInt8]) -> Bool
  ) throws(RPCStatus) {
    let call = begin(method, seconds)
    defer { grpc_call_unref(call) }
    var outcome = cgrpc_outcome()
    cgrpc_outcome_init(&outcome)
    defer { cgrpc_outcome_free(&outcome) }
    let tags = UnsafeMutableRawPointer.allocate(byteCount: 3, alignment: 1)
    defer { tags.deallocate() }
    let message = cgrpc_message(request, request.count)
    defer { grpc_byte_buffer_destroy(message) }
    var isEnded = false
    // `outcome` must not move until the status has come.
    withUnsafeMutablePointer(to: &outcome) { outcome in
      _ = cgrpc_request(call, message, outcome, tags)
      _ = cgrpc_receive_status(call, outcome, tags + 1)
      if wait(tags) {
        while true {
          let received = ReceivedMessage()
          guard cgrpc_receive_message(call, received.slot, tags + 2) == GRPC_CALL_OK, wait(tags + 2),
            let bytes = received.bytes(limit: .max)
          else { break }
          if take(bytes) { continue }
          isEnded = true
          grpc_call_cancel(call, nil)
          break
        }
      }
      _ = wait(tags + 1)
    }
    let code = RPCStatus.Code(rawValue: outcome.code.rawValue) ?? .unknown
    if code != .ok, !isEnded { throw RPCStatus(code, text(outcome.details)) }
  }

  private func begin(_ method: String, _ seconds: Int?) -> OpaquePointer {
    let name = grpc_slice_from_copied_string(method)
    defer { grpc_slice_unref(name) }
    let deadline =
      seconds.map {
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(Int64($0), GPR_TIMESPAN))
      } ?? gpr_inf_future(GPR_CLOCK_MONOTONIC)
    return grpc_channel_create_call(channel, nil, 0, queue, name, nil, deadline, nil)
  }

  /// - Returns: whether the batch was done.
  private func wait(_ tag: UnsafeMutableRawPointer) -> Bool {
    grpc_completion_queue_pluck(queue, tag, gpr_inf_future(GPR_CLOCK_MONOTONIC), nil).success != 0
  }
}
