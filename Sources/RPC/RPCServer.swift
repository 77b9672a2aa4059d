import Glibc
import Synchronization
import System

/// Serves methods by gRPC on a unix socket. Its thread accepts connections and looks who is at the other end. gRPC gets
/// a connection only after that, and only when its client has begun to speak HTTP/2. gRPC is not even started before
/// the first such client.
package final class RPCServer: Sendable {
  /// What every HTTP/2 connection begins with. RFC 9113, 3.4.
  private static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// The time until something is tried again that poll(2) cannot wait for.
  private static let pauseMilliseconds: Int32 = 100
  /// The time between two looks for clients that take nothing.
  private static let stallMilliseconds: Int32 = 1000

  /// Looks at a process that has connected.
  ///
  /// - Throws: it is refused; the text is for the log.
  package typealias Admission = @Sendable (FileDescriptor) throws(RPCStatus) -> RPCPeer

  /// A client that has not spoken yet.
  private struct Newcomer {
    let socket: FileDescriptor
    let peer: RPCPeer
    let end: ContinuousClock.Instant
    /// It has sent a part of the preface. poll(2) would not wait for the rest.
    var hasBegun = false
  }

  private let socket: ListeningSocket
  private let methods: [RPCMethod]
  private let admit: Admission
  private let tell: @Sendable (String) -> Void
  private let connections = Connections()
  private let refusals = RefusalLog()
  private let calls = Mutex<CallQueue?>(nil)
  private let wakeup: Wakeup
  private let worker = Mutex<Worker?>(nil)

  /// Begins to serve.
  ///
  /// - Parameter tell: what goes wrong, and who is refused: for the log.
  package init(
    at path: String, methods: [RPCMethod], admit: @escaping Admission, tell: @escaping @Sendable (String) -> Void
  ) throws(Errno) {
    socket = try ListeningSocket(at: path, in: .own, backlog: RPCLimits.connections)
    (self.methods, self.admit, self.tell) = (methods, admit, tell)
    wakeup = try Wakeup()
    worker.withLock { $0 = Worker(waking: wakeup) { [self] stop in GRPC.withoutSignals { serve(until: stop) } } }
  }

  /// Ends all calls and takes the socket away.
  package func stop(milliseconds: Int) {
    worker.withLock { $0 }?.stop(milliseconds: milliseconds)
    socket.remove()
    calls.withLock { $0 }?.stop(milliseconds: milliseconds)
    connections.cutAll()
  }

  private func serve(until stop: Worker.Stop) {
    var newcomers: [Newcomer] = []
    while !stop.isAsked {
      let live = connections.sockets
      var polled = [pollfd(fd: wakeup.reader.number, events: Int16(POLLIN), revents: 0)]
      polled.append(pollfd(fd: socket.file.number, events: Int16(POLLIN), revents: 0))
      polled += newcomers.map {
        pollfd(fd: $0.socket.number, events: $0.hasBegun ? 0 : Int16(POLLIN), revents: 0)
      }
      polled += live.map { pollfd(fd: $0.ours.number, events: 0, revents: 0) }
      let timeout =
        live.isEmpty ? Self.wait(for: newcomers) : min(Self.stallMilliseconds, Self.wait(for: newcomers, or: .max))
      if poll(&polled, nfds_t(polled.count), timeout) < 0 {
        // Without memory for the list.
        if errno != EINTR { usleep(UInt32(Self.pauseMilliseconds) * 1000) }
        continue
      }
      connections.cutStalled()
      for (connection, polled) in zip(live, polled.dropFirst(2 + newcomers.count)) where polled.revents != 0 {
        connections.remove(connection.number)
      }
      newcomers = zip(newcomers, polled.dropFirst(2)).compactMap { newcomer, polled in
        var newcomer = newcomer
        let isGone = polled.revents & Int16(POLLHUP | POLLERR) != 0
        return isStillNew(&newcomer) && !isGone ? newcomer : nil
      }
      if polled[1].revents != 0, let newcomer = accept(besides: newcomers) { newcomers.append(newcomer) }
    }
  }

  /// - Parameter longest: for nobody.
  private static func wait(for newcomers: [Newcomer], or longest: Int32 = -1) -> Int32 {
    guard let first = newcomers.map(\.end).min() else { return longest }
    if newcomers.contains(where: \.hasBegun) { return pauseMilliseconds }
    return Int32(max(0, (first - .now) / .milliseconds(1))) + 1
  }

  /// - Returns: nil: nobody was there, or somebody who was refused.
  private func accept(besides newcomers: [Newcomer]) -> Newcomer? {
    let accepted: FileDescriptor
    do { accepted = try FileDescriptor(accepting: socket.file) } catch {
      // Without descriptors the client would stay in the queue, and poll(2) would return at once.
      if error.code != EAGAIN { usleep(UInt32(Self.pauseMilliseconds) * 1000) }
      return nil
    }
    do throws(RPCStatus) {
      let peer = try admit(accepted)
      let (all, ofProcess) = connections.counts(of: peer.pid)
      guard all + newcomers.count < RPCLimits.connections,
        ofProcess + newcomers.filter({ $0.peer.pid == peer.pid }).count < RPCLimits.connectionsOfProcess
      else {
        throw RPCStatus(.resourceExhausted, "process \(peer.pid) has, or all have, as many connections as may be")
      }
      return Newcomer(socket: accepted, peer: peer, end: .now + .milliseconds(RPCLimits.prefaceMilliseconds))
    } catch {
      refusals.note("\(error)", tell)
      return nil
    }
  }

  /// Hands a client over to gRPC once it has sent the preface. One that sends something else, or nothing, is closed.
  private func isStillNew(_ newcomer: inout Newcomer) -> Bool {
    var bytes = [UInt8](repeating: 0, count: Self.preface.count)
    let count = recv(newcomer.socket.number, &bytes, bytes.count, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT))
    if count < 0, errno == EAGAIN || errno == EINTR { return newcomer.end > .now }
    guard count > 0, bytes.prefix(count).elementsEqual(Self.preface.prefix(count)) else { return false }
    newcomer.hasBegun = true
    if count < Self.preface.count { return newcomer.end > .now }
    do {
      let queue = try queue()
      queue.add(try connections.add(newcomer.socket, newcomer.peer))
    } catch { refusals.note("\(error)", tell) }
    return false
  }

  private func queue() throws(Errno) -> CallQueue {
    try calls.withLock { (calls) throws(Errno) in
      if let calls { return calls }
      try GRPC.start(tell: tell)
      let made = try CallQueue(methods: methods, connections: connections)
      calls = made
      return made
    }
  }
}
