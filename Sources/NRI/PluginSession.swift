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

  private let socket: FileDescriptor
  private let handler: any PluginHandler

  /// - Parameters:
  ///   - name: of the characters A-Z a-z 0-9 _ . + -
  ///   - index: two digits.
  package init(socket: FileDescriptor, name: String, index: String, handler: any PluginHandler) throws(NRIError) {
    self.socket = socket
    self.handler = handler
  }

  /// Registers and serves until the runtime closes the connection. `shutdown(socket.number, SHUT_RDWR)` from another
  /// thread ends it.
  package func run() throws(NRIError) -> EndReason { .closed }
}
