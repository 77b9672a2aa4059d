import Glibc
import System

/// The trunk's socket. AF_UNIX, SOCK_STREAM.
package enum Socket {
  /// Sends all bytes. If the other side is closed, that is EPIPE, never SIGPIPE. send(2).
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

  /// How long a read may block. After that time it fails with EAGAIN. SO_RCVTIMEO.
  package static func setReceiveTimeout(milliseconds: Int64, on socket: FileDescriptor) throws(Errno) {
    var time = timeval(tv_sec: Int(milliseconds / 1000), tv_usec: Int(milliseconds % 1000) * 1000)
    try call("set the socket's receive timeout") {
      setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }
}
