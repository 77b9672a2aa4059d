import Glibc
import System

/// The socket that the runtime speaks NRI on.
package enum NRISocket {
  package static let defaultPath = "/var/run/nri/nri.sock"

  /// Longest path of a unix socket: sun_path of unix(7), without the NUL behind it.
  package static let pathMaxBytes = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// A path that no unix socket can have.
  package static func check(_ path: String) throws(Errno) {
    if path.utf8.count > pathMaxBytes {
      throw Errno(ENAMETOOLONG, "connect to \(path) (a socket's path has at most \(pathMaxBytes) bytes)")
    }
    if path.isEmpty { throw Errno(ENOENT, "connect to a socket without a path") }
    if path.utf8.contains(0) { throw Errno(EINVAL, "connect to a socket whose path has a NUL") }
  }

  /// connect(2) to a unix socket.
  package static func connect(to path: String) throws(Errno) -> FileDescriptor {
    try check(path)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
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

  /// Inode number of the mount namespace of the process at the other end: the runtime's, and so its shims' and runc's.
  /// SO_PEERCRED; a peer in another pid namespace has no pid here.
  package static func peerMountNamespace(of socket: FileDescriptor) throws(Errno) -> UInt64 {
    // struct ucred is behind _GNU_SOURCE: pid, uid, gid.
    var credentials: (pid: Int32, uid: UInt32, gid: UInt32) = (0, 0, 0)
    var size = socklen_t(MemoryLayout.size(ofValue: credentials))
    try call("ask who is at the other end of the NRI socket") {
      getsockopt(socket.number, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
    }
    guard credentials.pid > 0 else {
      throw Errno(ESRCH, "find the runtime's process (the plugin must share its pid namespace)")
    }
    return UInt64(try Files.status("/proc/\(credentials.pid)/ns/mnt").st_ino)
  }
}
