import Glibc
import Synchronization
import System

/// Answers GET and HEAD of a few pages, by HTTP/1.1, with one answer for a connection. One thread serves all clients
/// and waits for none of them.
package final class HTTPServer: Sendable {
  private let address: LocalAddress
  private let pages: [String: HTTPPage]
  private let tell: @Sendable (_ problem: String?) -> Void
  private let wakeup: Wakeup
  private let worker = Mutex<Worker?>(nil)

  /// Begins to serve. If the address cannot be had, it is tried again and again.
  ///
  /// - Parameters:
  ///   - pages: by their paths.
  ///   - tell: called with why nobody can connect, whenever the reason changes, and with nil once clients can.
  package init(
    at address: LocalAddress, pages: [String: HTTPPage], tell: @escaping @Sendable (_ problem: String?) -> Void
  ) throws(Errno) {
    (self.address, self.pages, self.tell) = (address, pages, tell)
    wakeup = try Wakeup()
    for maker in makers { try maker.start { [wakeup] in wakeup.wake() } }
    worker.withLock {
      $0 = Worker(waking: wakeup) { [self] stop in
        Thread.nameCurrent("stockade-http")
        serve(until: stop)
      }
    }
  }

  /// Ends the connections and takes the socket away.
  package func stop(milliseconds: Int) {
    for maker in makers { maker.stop() }
    worker.withLock { $0 }?.stop(milliseconds: milliseconds)
  }

  private var makers: [AnswerMaker] {
    pages.values.compactMap { if case .beside(let maker) = $0.making { maker } else { nil } }
  }

  private func serve(until stop: Worker.Stop) {
    var listener: HTTPListener?
    var connections: [HTTPConnection] = []
    var rate = ConnectionRate()
    var (nextTry, told): (ContinuousClock.Instant, String?) = (.now, nil)
    while !stop.isAsked {
      if listener == nil, nextTry <= .now {
        nextTry = .now + HTTPLimits.retry
        listener = listen(&told)
      }
      let pause = rate.next()
      wait(for: pause == nil ? listener : nil, connections, until: listener == nil ? nextTry : pause)
      wakeup.clear()
      for index in connections.indices { connections[index].proceed(answer) }
      connections.removeAll { $0.phase == .over }
      if let listener { accept(from: listener, &connections, &rate) }
    }
    listener?.remove()
  }

  private func listen(_ told: inout String?) -> HTTPListener? {
    do {
      let listener = try HTTPListener(address)
      tell(nil)
      return listener
    } catch {
      if told != error.description { tell(error.description) }
      told = error.description
      return nil
    }
  }

  private func wait(for listener: HTTPListener?, _ connections: [HTTPConnection], until time: ContinuousClock.Instant?)
  {
    var polled = [pollfd(fd: wakeup.reader.number, events: Int16(POLLIN), revents: 0)]
    // poll(2) passes over a negative descriptor. Without room for one more, clients wait to be accepted.
    let hasRoom = connections.count < HTTPLimits.connections || Self.leastWorthy(connections) != nil
    polled.append(pollfd(fd: hasRoom ? listener?.file.number ?? -1 : -1, events: Int16(POLLIN), revents: 0))
    // A client that has gone while it waits would be told over and over again.
    polled += connections.map { pollfd(fd: $0.events == 0 ? -1 : $0.socket.number, events: $0.events, revents: 0) }
    let first = (connections.map(\.deadline) + [time].compactMap { $0 }).min()
    let milliseconds = first.map { max(0, ($0 - .now) / .milliseconds(1)) + 1 }
    poll(&polled, nfds_t(polled.count), milliseconds.map { Int32($0) } ?? -1)
  }

  /// Takes the clients that wait. If there are as many as may be, the one goes that has had the most time to say what
  /// it wants, or to take its answer. So clients that do nothing keep nobody else out.
  private func accept(
    from listener: HTTPListener, _ connections: inout [HTTPConnection], _ rate: inout ConnectionRate
  ) {
    for _ in 0..<HTTPLimits.connections where rate.next() == nil {
      if connections.count == HTTPLimits.connections, Self.leastWorthy(connections) == nil { return }
      let socket: FileDescriptor
      do { socket = try FileDescriptor(accepting: listener.file) } catch {
        // Without descriptors the client would stay in the queue, and poll(2) would return at once.
        if error.code != EAGAIN, error.code != ECONNABORTED { usleep(Self.pauseMicroseconds) }
        return
      }
      rate.note()
      if connections.count == HTTPLimits.connections, let index = Self.leastWorthy(connections) {
        connections.remove(at: index)
      }
      var connection = HTTPConnection(socket)
      connection.proceed(answer)
      if connection.phase != .over { connections.append(connection) }
    }
  }

  private static let pauseMicroseconds: UInt32 = 100_000

  /// nil: all wait for an answer that is being made.
  private static func leastWorthy(_ connections: [HTTPConnection]) -> Int? {
    connections.indices.filter { connections[$0].events != 0 }.min {
      connections[$0].deadline < connections[$1].deadline
    }
  }

  private func answer(_ request: HTTPRequest) -> HTTPAnswer? {
    switch pages[request.path]?.making {
    case .atOnce(let make): make()
    case .beside(let maker): maker.answer()
    case nil: HTTPAnswer(.notFound, "there are only \(pages.keys.sorted().joined(separator: ", "))\n")
    }
  }
}
