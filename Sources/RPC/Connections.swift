import Glibc
import Synchronization
import System

/// The connections that gRPC has, by the number of its descriptor, and who is at the other end of each.
final class Connections: Sendable {
  /// gRPC says by whom a call is with this number alone. So that a number comes again only long after its connection
  /// ended, each connection gets the next one.
  private static let numbers = 256..<512

  private struct Connection {
    let peer: RPCPeer
    /// A second descriptor of the same socket, which gRPC does not know.
    let ours: FileDescriptor
    var calls = 0
    var second: Int64 = 0
    /// Calls that are not over.
    var open = 0
    /// Answers that gRPC has not got rid of, and since when none was taken.
    var sending = 0
    var stalledSince: ContinuousClock.Instant?
  }
  private struct State {
    var byNumber: [Int32: Connection] = [:]
    var next = Connections.numbers.lowerBound
  }
  private let state = Mutex(State())

  enum Arrival: Sendable {
    case peer(RPCPeer)
    /// The connection has been cut off.
    case tooMany
  }

  /// A descriptor of the socket for gRPC.
  func add(_ socket: FileDescriptor, _ peer: RPCPeer) throws(Errno) -> Int32 {
    let ours = FileDescriptor(owning: try call("keep a connection") { fcntl(socket.number, F_DUPFD_CLOEXEC, 3) })
    return try state.withLock { (state) throws(Errno) in
      let number = try call("hand a connection over") { fcntl(socket.number, F_DUPFD_CLOEXEC, Int32(state.next)) }
      state.next = Self.numbers.contains(Int(number) + 1) ? Int(number) + 1 : Self.numbers.lowerBound
      state.byNumber[number] = Connection(peer: peer, ours: ours)
      return number
    }
  }

  /// Counts a call. A client that makes too many of them in a second is cut off: what it costs in gRPC has no other
  /// bound.
  ///
  /// - Returns: nil: there is no such connection.
  func noteCall(_ number: Int32) -> Arrival? {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return state.withLock { state in
      guard var connection = state.byNumber[number] else { return nil }
      if connection.second != now.tv_sec { (connection.second, connection.calls) = (Int64(now.tv_sec), 0) }
      connection.calls += 1
      connection.open += 1
      state.byNumber[number] = connection
      // gRPC holds a client to the number of open calls only once the client has said that it knows of it.
      if connection.calls <= RPCLimits.callsPerSecond, connection.open <= RPCLimits.callsOfConnection {
        return .peer(connection.peer)
      }
      shutdown(connection.ours.number, Int32(SHUT_RDWR))
      return .tooMany
    }
  }

  func noteEnd(_ number: Int32) { state.withLock { $0.byNumber[number]?.open -= 1 } }

  func noteSend(_ number: Int32) {
    state.withLock { state in
      guard var connection = state.byNumber[number] else { return }
      connection.sending += 1
      connection.stalledSince = connection.stalledSince ?? .now
      state.byNumber[number] = connection
    }
  }

  func noteSent(_ number: Int32) {
    state.withLock { state in
      guard var connection = state.byNumber[number] else { return }
      connection.sending -= 1
      connection.stalledSince = connection.sending > 0 ? .now : nil
      state.byNumber[number] = connection
    }
  }

  /// Ends the connections whose clients take nothing of what is sent to them.
  func cutStalled(now: ContinuousClock.Instant = .now) {
    let limit = Duration.milliseconds(RPCLimits.sendMilliseconds)
    let stalled = state.withLock { state in
      state.byNumber.filter { $0.value.stalledSince.map { now - $0 > limit } ?? false }.map(\.key)
    }
    for number in stalled { cut(number) }
  }

  /// Ends a connection, whatever its client does.
  func cut(_ number: Int32) {
    state.withLock { state in
      if let connection = state.byNumber[number] { _ = shutdown(connection.ours.number, Int32(SHUT_RDWR)) }
    }
  }

  func cutAll() { for number in state.withLock({ Array($0.byNumber.keys) }) { cut(number) } }

  /// For poll(2): with no events asked for, it tells when the other end is gone.
  var sockets: [(number: Int32, ours: FileDescriptor)] {
    state.withLock { $0.byNumber.map { ($0.key, $0.value.ours) } }
  }

  func remove(_ number: Int32) { state.withLock { _ = $0.byNumber.removeValue(forKey: number) } }

  /// How many there are, and how many of them a process has.
  func counts(of pid: Int32) -> (all: Int, ofProcess: Int) {
    state.withLock { state in (state.byNumber.count, state.byNumber.values.filter { $0.peer.pid == pid }.count) }
  }
}
