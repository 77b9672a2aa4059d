import Glibc
import Synchronization
import System

@testable import NRI
@testable import TTRPC

/// A plugin session on a thread of its own, since both halves block.
final class PluginThread: Sendable {
  private let socket: FileDescriptor
  private let registration: Registration
  private let handler: ScriptedHandler
  private let result = Mutex<Result<PluginSession.EndReason, NRIError>?>(nil)
  private let thread = Mutex<pthread_t?>(nil)

  init(socket: FileDescriptor, name: String = "stockade", index: String = "10", handler: ScriptedHandler) {
    self.socket = socket
    registration = Registration(name: name, index: index, nriVersion: "")
    self.handler = handler
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { context in
        Unmanaged<PluginThread>.fromOpaque(context!).takeRetainedValue().run()
        return nil
      }, Unmanaged.passRetained(self).toOpaque())
    self.thread.withLock { $0 = thread }
  }

  private func run() {
    let result = Result { () throws(NRIError) in
      try PluginSession(
        socket: socket, name: registration.name, index: registration.index, handler: handler
      ).run()
    }
    self.result.withLock { $0 = result }
  }

  /// Waits for the session's end.
  func join() -> Result<PluginSession.EndReason, NRIError>? {
    if let thread = thread.withLock({ $0.take() }) { pthread_join(thread, nil) }
    return result.withLock { $0 }
  }
}

/// Two connected sockets on which no read waits for ever.
func boundedPair() throws -> (FileDescriptor, FileDescriptor) {
  var numbers: [Int32] = [-1, -1]
  let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
  try call("make a socket pair") { socketpair(AF_UNIX, type, 0, &numbers) }
  let sockets = numbers.map(FileDescriptor.init(owning:))
  for socket in sockets { try Socket.setReceiveTimeout(milliseconds: 20_000, on: socket) }
  return (sockets[0], sockets[1])
}

func closeBothWays(_ socket: FileDescriptor) { shutdown(socket.number, Int32(SHUT_RDWR)) }

func shutdownWriting(_ socket: FileDescriptor) { shutdown(socket.number, Int32(SHUT_WR)) }
