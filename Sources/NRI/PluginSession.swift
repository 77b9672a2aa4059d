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
  /// An external plugin is told at once what runs, and the runtime gives itself 2 seconds for that.
  package static let synchronizeMilliseconds: Int64 = 10_000

  private let socket: FileDescriptor
  private let service: PluginService
  private let synchronizesWithin: Int64?
  private let pulse: Pulse?

  /// Whether the runtime would take a plugin of this name and index. It answers any other with an error.
  package static func check(name: String, index: String) throws(NRIError) {
    try Registration(name: name, index: index, nriVersion: "").check()
  }

  /// - Parameters:
  ///   - name: of the characters A-Z a-z 0-9 _ . + -
  ///   - index: two digits.
  ///   - observer: stands around each call to the handler.
  ///   - synchronizesWithin: the milliseconds in which the runtime must begin to tell what runs. If containerd 1.7
  ///     cannot tell that, it leaves the connection open and says nothing any more. nil: the runtime may never tell, as
  ///     NRI 0.6 never tells a plugin that it launched.
  ///   - pulse: beats before each read, and while nothing comes.
  package init(
    socket: FileDescriptor, name: String, index: String, handler: any PluginHandler,
    observer: (any CallObserver)? = nil, synchronizesWithin: Int64? = nil, pulse: Pulse? = nil
  ) throws(NRIError) {
    self.socket = socket
    self.synchronizesWithin = synchronizesWithin
    self.pulse = pulse
    service = try PluginService(name: name, index: index, handler: handler, observer: observer)
  }

  /// Registers, and serves until the runtime closes the connection. To end it, call `shutdown(socket.number,
  /// SHUT_RDWR)` from another thread.
  package func run() throws(NRIError) -> EndReason {
    // The runtime learns of the end at once, even if another process still holds the socket.
    defer {
      shutdown(socket.number, Int32(SHUT_RDWR))
      service.end()
    }
    do { try serve() } catch {
      // The runtime went away while we spoke.
      guard case .socket(let error) = error, error.code == EPIPE || error.code == ECONNRESET else { throw error }
    }
    return service.wasShutDown ? .shutdown : .closed
  }

  private func serve() throws(NRIError) {
    try socket.send(service.registration, on: Connection.runtime)
    if let limit = synchronizesWithin ?? pulse?.milliseconds { try wait(milliseconds: limit) }
    var isBounded = synchronizesWithin != nil
    while let bytes = try read(isBounded) {
      try service.receive(bytes[...]) { message throws(NRIError) in
        try socket.send(message, on: Connection.plugin)
      }
      if isBounded, service.wasTold {
        // From now on nothing may come for ever.
        try wait(milliseconds: pulse?.milliseconds ?? 0)
        isBounded = false
      }
    }
    try service.finish()
  }

  /// How long a read may take; 0: for ever.
  private func wait(milliseconds: Int64) throws(NRIError) {
    do { try Socket.setReceiveTimeout(milliseconds: milliseconds, on: socket) } catch {
      throw .socket(error)
    }
  }

  /// nil: the connection has ended.
  private func read(_ isBounded: Bool) throws(NRIError) -> [UInt8]? {
    while true {
      pulse?.beat()
      do {
        let bytes = try socket.read(atMost: Self.readLength)
        return bytes.isEmpty ? nil : bytes
      } catch {
        guard error.code == EAGAIN else { throw .socket(error) }
        if isBounded { throw .notSynchronized }
      }
    }
  }
}

extension FileDescriptor {
  /// Sends one message as the frames that Go's reader takes.
  package func send(_ message: Message, on connection: UInt32) throws(NRIError) {
    let bytes: [UInt8]
    do { bytes = try message.encoded() } catch { throw .wire(error) }
    do {
      try Socket.send(Frame.frames(connection: connection, message: bytes), on: self)
    } catch { throw .socket(error) }
  }
}
