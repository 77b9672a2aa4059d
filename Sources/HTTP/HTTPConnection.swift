import Glibc
import System

/// One client: it sends a request, waits for the answer, takes the answer, and goes. Nothing here blocks.
struct HTTPConnection {
  enum Phase: Equatable {
    case reading
    case waiting(HTTPRequest)
    case writing([UInt8], from: Int)
    /// The answer is sent. What the client still sends is thrown away: if the connection were closed with something
    /// unread, the kernel would take the answer back.
    case draining
    case over
  }

  let socket: FileDescriptor
  private(set) var phase = Phase.reading
  private(set) var deadline: ContinuousClock.Instant
  private var received: [UInt8] = []

  init(_ socket: FileDescriptor, now: ContinuousClock.Instant = .now) {
    (self.socket, deadline) = (socket, now + HTTPLimits.patience)
  }

  /// What poll(2) waits for.
  var events: Int16 {
    switch phase {
    case .reading, .draining: Int16(POLLIN)
    case .writing: Int16(POLLOUT)
    case .waiting, .over: 0
    }
  }

  /// Goes on as far as that is possible now.
  ///
  /// - Parameter answer: nil: the answer is not there yet.
  mutating func proceed(_ answer: (HTTPRequest) -> HTTPAnswer?, now: ContinuousClock.Instant = .now) {
    if phase == .reading { read(now) }
    if case .waiting(let request) = phase {
      if let found = answer(request) {
        write(found, withoutBody: !request.wantsBody, now)
      } else if deadline <= now {
        write(HTTPAnswer(.unavailable, "the answer is not there in time\n"), withoutBody: !request.wantsBody, now)
      }
    }
    if case .writing(let bytes, let start) = phase { send(bytes, from: start, now) }
    if phase == .draining { drain() }
    if deadline <= now { phase = .over }
  }

  private mutating func read(_ now: ContinuousClock.Instant) {
    var buffer = [UInt8](repeating: 0, count: HTTPLimits.requestMaxBytes)
    let count = recv(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    guard count > 0 else {
      if count == 0 || !Self.isTemporary { phase = .over }
      return
    }
    received += buffer[..<count]
    switch HTTPRequest.parse(received) {
    case .incomplete: return
    case .request(let request):
      phase = .waiting(request)
      deadline = now + HTTPLimits.patience
    case .refused(let status, let problem):
      write(HTTPAnswer(status, problem + "\n"), withoutBody: received.starts(with: "HEAD ".utf8), now)
    }
    received = []
  }

  private mutating func write(_ answer: HTTPAnswer, withoutBody: Bool, _ now: ContinuousClock.Instant) {
    phase = .writing(answer.bytes(withoutBody: withoutBody), from: 0)
    deadline = now + HTTPLimits.patience
  }

  private mutating func send(_ bytes: [UInt8], from start: Int, _ now: ContinuousClock.Instant) {
    let count = bytes[start...].withUnsafeBytes {
      Glibc.send(socket.number, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
    }
    guard count >= 0 else {
      if !Self.isTemporary { phase = .over }
      return
    }
    if start + count < bytes.count {
      phase = .writing(bytes, from: start + count)
      return
    }
    shutdown(socket.number, Int32(SHUT_WR))
    (phase, deadline) = (.draining, now + HTTPLimits.drainPatience)
  }

  private mutating func drain() {
    var buffer = [UInt8](repeating: 0, count: HTTPLimits.requestMaxBytes)
    let count = recv(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count == 0 || count < 0 && !Self.isTemporary { phase = .over }
  }

  private static var isTemporary: Bool { errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR }
}
