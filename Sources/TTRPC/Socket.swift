import Glibc
import System

/// The trunk's socket. AF_UNIX, SOCK_STREAM.
package enum Socket {
  /// Two connected sockets. socketpair(2).
  package static func pair() throws(Errno) -> (FileDescriptor, FileDescriptor) {
    var numbers: [Int32] = [-1, -1]
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    try call("make a socket pair") { socketpair(AF_UNIX, type, 0, &numbers) }
    return (FileDescriptor(owning: numbers[0]), FileDescriptor(owning: numbers[1]))
  }

  /// connect(2).
  package static func connect(to path: String) throws(Errno) -> FileDescriptor {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Errno(ENAMETOOLONG, "connect to \(path)")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    try call("connect to \(path)") {
      withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.connect(socket.number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      }
    }
    return socket
  }

  /// Sends all of it; a closed other side is EPIPE, never SIGPIPE. send(2).
  package static func send(_ bytes: [UInt8], on socket: FileDescriptor) throws(Errno) {
    var start = 0
    while start < bytes.count {
      start += try call("send to the socket") {
        bytes.withUnsafeBytes {
          Glibc.send(socket.number, $0.baseAddress! + start, bytes.count - start, Int32(MSG_NOSIGNAL))
        }
      }
    }
  }

  /// How long a read may block; afterwards it is EAGAIN. SO_RCVTIMEO.
  package static func setReceiveTimeout(milliseconds: Int64, on socket: FileDescriptor) throws(Errno) {
    var time = timeval(tv_sec: Int(milliseconds / 1000), tv_usec: Int(milliseconds % 1000) * 1000)
    try call("set the socket's receive timeout") {
      setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }
}
