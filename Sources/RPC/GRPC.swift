import CGRPC
import Glibc
import Synchronization
import System

/// gRPC's C core in this process. It is started once, by the first client or server, and never ended: its own end can
/// take ten seconds.
package enum GRPC {
  private static let variablePrefix = "GRPC_"
  /// gRPC ends the process if it cannot open what it needs at its start.
  private static let descriptorsNeeded = 8

  private struct State {
    var isStarted = false
    var tell: @Sendable (String) -> Void = { _ in }
  }
  private static let state = Mutex(State())

  /// Takes away the environment variables that gRPC reads: one that it does not understand ends the process. Must be
  /// called before the process has a second thread.
  package static func clearEnvironment() {
    var names: [String] = []
    var entry = environ
    while let text = entry.pointee.map({ String(cString: $0) }) {
      if text.hasPrefix(variablePrefix) { names.append(String(text.prefix { $0 != "=" })) }
      entry += 1
    }
    for name in names { unsetenv(name) }
  }

  /// Starts gRPC, if nobody has done so yet. Its threads take no signals.
  ///
  /// - Parameter tell: what gRPC has to say about errors. Only the first call's counts.
  /// - Throws: if the process has too few descriptors left.
  package static func start(tell: @escaping @Sendable (String) -> Void = { _ in }) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      if state.isStarted { return }
      try checkDescriptors()
      state.tell = tell
      gpr_set_log_verbosity(GPR_LOG_SEVERITY_ERROR)
      gpr_set_log_function { arguments in
        guard let message = arguments?.pointee.message else { return }
        GRPC.tell(String(cString: message))
      }
      withoutSignals { grpc_init() }
      state.isStarted = true
    }
  }

  private static func tell(_ message: String) {
    // gRPC may log on the thread that starts it.
    state.withLockIfAvailable { $0.tell }?(message)
  }

  private static func checkDescriptors() throws(Errno) {
    var spare: [FileDescriptor] = []
    for _ in 0..<descriptorsNeeded { spare.append(try FileDescriptor(open: "/dev/null", O_RDONLY)) }
  }

  /// Runs `body`. The threads that it starts have all signals blocked.
  static func withoutSignals<Result>(_ body: () -> Result) -> Result {
    var all = sigset_t()
    var former = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &former)
    defer { pthread_sigmask(SIG_SETMASK, &former, nil) }
    return body()
  }
}

/// What comes out of a completion queue when a batch is done. Its address is the batch's tag.
final class Completion: Sendable {
  private let act: @Sendable (_ isDone: Bool) -> Void

  private init(_ act: @escaping @Sendable (Bool) -> Void) { self.act = act }

  /// Hands a batch to gRPC.
  ///
  /// - Parameter act: called when the batch is done, or will never be.
  /// - Returns: false: gRPC refused the batch, and `act` is not called.
  static func start(
    _ batch: (UnsafeMutableRawPointer) -> grpc_call_error, _ act: @escaping @Sendable (_ isDone: Bool) -> Void
  ) -> Bool {
    let tag = Unmanaged.passRetained(Completion(act))
    if batch(tag.toOpaque()) == GRPC_CALL_OK { return true }
    tag.release()
    return false
  }

  /// For what is no batch and cannot be refused.
  static func tag(_ act: @escaping @Sendable (_ isDone: Bool) -> Void) -> UnsafeMutableRawPointer {
    Unmanaged.passRetained(Completion(act)).toOpaque()
  }

  static func take(_ event: grpc_event) {
    guard let tag = event.tag else { return }
    Unmanaged<Completion>.fromOpaque(tag).takeRetainedValue().act(event.success != 0)
  }
}

/// A message of gRPC's that is freed at its end.
struct ReceivedMessage: ~Copyable {
  /// Where gRPC writes it.
  let slot = UnsafeMutablePointer<UnsafeMutablePointer<grpc_byte_buffer>?>.allocate(capacity: 1)

  init() { slot.initialize(to: nil) }

  deinit {
    if let message = slot.pointee { grpc_byte_buffer_destroy(message) }
    slot.deallocate()
  }

  /// nil: there is no message, or it is longer than `limit`.
  borrowing func bytes(limit: Int) -> [UInt8]? {
    guard let message = slot.pointee else { return nil }
    let length = grpc_byte_buffer_length(message)
    if length > limit { return nil }
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: max(length, 1)) { buffer, used in
      count = cgrpc_message_bytes(message, buffer.baseAddress, length)
      used = max(count, 0)
    }
    return count < 0 ? nil : bytes
  }
}

/// The text of a slice of gRPC's, with invalid UTF-8 replaced.
func text(_ slice: grpc_slice) -> String {
  var count = 0
  return withUnsafePointer(to: slice) { slice in
    let start = cgrpc_slice_bytes(slice, &count)
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }
}
