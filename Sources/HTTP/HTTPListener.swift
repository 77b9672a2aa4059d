import System

/// The socket that clients connect to.
struct HTTPListener: Sendable {
  let file: FileDescriptor
  private let unix: ListeningSocket?

  init(_ address: LocalAddress) throws(Errno) {
    switch address {
    case .unix(let path):
      let socket = try ListeningSocket(at: path, in: .chosen, backlog: HTTPLimits.connections)
      (file, unix) = (socket.file, socket)
    case .loopback(let isIPv6, let port):
      file = try LoopbackSocket.listen(isIPv6: isIPv6, port: port, backlog: HTTPLimits.connections)
      unix = nil
    }
  }

  func remove() { unix?.remove() }
}
