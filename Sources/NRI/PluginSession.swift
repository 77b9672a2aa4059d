import Glibc
import System
import TTRPC

/// The plugin's half of an NRI session, on the thread that calls `run`: read, decide, answer.
package final class PluginSession {
  package enum EndReason: Equatable, Sendable {
    /// The runtime closed the connection.
    case closed
    /// The runtime had said Shutdown before it closed the connection.
    case shutdown
  }

  private static let readLength = 65536

  private let socket: FileDescriptor
  private let service: PluginService

  /// Whether the runtime would take a plugin of this name and index: it answers others with an error.
  package static func check(name: String, index: String) throws(NRIError) {
    try Registration(name: name, index: index, nriVersion: "").check()
  }

  /// - Parameters:
  ///   - name: of the characters A-Z a-z 0-9 _ . + -
  ///   - index: two digits.
  package init(socket: FileDescriptor, name: String, index: String, handler: any PluginHandler) throws(NRIError) {
    self.socket = socket
    service = try PluginService(name: name, index: index, handler: handler)
  }

  /// Registers and serves until the runtime closes the connection. `shutdown(socket.number, SHUT_RDWR)` from another
  /// thread ends it.
  package func run() throws(NRIError) -> EndReason {
    // The runtime learns of the end at once, whoever else still holds the socket.
    defer { shutdown(socket.number, Int32(SHUT_RDWR)) }
    do throws(NRIError) { try serve() } catch {
      // The runtime went away while we spoke.
      guard case .socket(let error) = error, error.code == EPIPE || error.code == ECONNRESET else { throw error }
    }
    return service.wasShutDown ? .shutdown : .closed
  }

  private func serve() throws(NRIError) {
    try socket.send(service.registration, on: Connection.runtime)
    while let bytes = try read() {
      try service.receive(bytes[...]) { message throws(NRIError) in
        try socket.send(message, on: Connection.plugin)
      }
    }
    try service.finish()
  }

  /// Nil at the connection's end.
  private func read() throws(NRIError) -> [UInt8]? {
    do throws(Errno) {
      let bytes = try socket.read(atMost: Self.readLength)
      return bytes.isEmpty ? nil : bytes
    } catch { throw .socket(error) }
  }
}

extension FileDescriptor {
  /// Sends one message as the frames that Go's reader takes.
  func send(_ message: Message, on connection: UInt32) throws(NRIError) {
    let bytes: [UInt8]
    do throws(WireError) { bytes = try message.encoded() } catch { throw .wire(error) }
    do throws(Errno) {
      try Socket.send(Frame.frames(connection: connection, message: bytes), on: self)
    } catch { throw .socket(error) }
  }
}
