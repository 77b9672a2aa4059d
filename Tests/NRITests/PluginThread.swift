import Glibc
import Synchronization
import System

@testable import NRI
@testable import TTRPC

/// A plugin session on a thread of its own, since both halves block.
final class PluginThread: Sendable {
  private let thread: pthread_t
  private let outcome: Outcome

  private final class Outcome: Sendable {
    let start: @Sendable () -> Result<PluginSession.EndReason, NRIError>
    let result = Mutex<Result<PluginSession.EndReason, NRIError>?>(nil)

    init(_ start: @escaping @Sendable () -> Result<PluginSession.EndReason, NRIError>) { self.start = start }
  }

  /// - Parameter makeHandler: called on the session's thread, which owns the handler.
  init(
    socket: FileDescriptor, name: String = "stockade", index: String = "10",
    makeHandler: @escaping @Sendable () -> any PluginHandler
  ) {
    outcome = Outcome {
      Result { () throws(NRIError) in
        try PluginSession(socket: socket, name: name, index: index, handler: makeHandler()).run()
      }
    }
    var thread = pthread_t()
    let context = Unmanaged.passRetained(outcome).toOpaque()
    pthread_create(
      &thread, nil,
      { context in
        let outcome = Unmanaged<Outcome>.fromOpaque(context!).takeRetainedValue()
        let result = outcome.start()
        outcome.result.withLock { $0 = result }
        return nil
      }, context)
    self.thread = thread
  }

  /// Waits for the session's end.
  func join() -> Result<PluginSession.EndReason, NRIError>? {
    pthread_join(thread, nil)
    return outcome.result.withLock { $0 }
  }
}

/// Two connected sockets on which no read waits for ever.
func boundedPair() throws -> (FileDescriptor, FileDescriptor) {
  let pair = try Socket.pair()
  try Socket.setReceiveTimeout(milliseconds: 20_000, on: pair.0)
  try Socket.setReceiveTimeout(milliseconds: 20_000, on: pair.1)
  return pair
}

func shutdownWriting(_ socket: FileDescriptor) { shutdown(socket.number, Int32(SHUT_WR)) }
