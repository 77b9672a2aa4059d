import Glibc
import System

/// The socket on which the runtime speaks NRI.
package enum NRISocket {
  package static let defaultPath = "/var/run/nri/nri.sock"

  /// Throws for a path that no unix socket can have.
  package static func check(_ path: String) throws(Errno) {
    let limit = UnixAddress.pathMaxBytes
    if path.utf8.count > limit {
      throw Errno(ENAMETOOLONG, "connect to \(path) (a socket's path has at most \(limit) bytes)")
    }
    if path.isEmpty { throw Errno(ENOENT, "connect to a socket without a path") }
    if path.utf8.contains(0) { throw Errno(EINVAL, "connect to a socket whose path has a NUL") }
  }

  /// connect(2) to a unix socket. Never waits: if a runtime hangs and its queue is full, that is an error (EAGAIN).
  package static func connect(to path: String) throws(Errno) -> FileDescriptor {
    try check(path)
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let socket = FileDescriptor(owning: try call("make a socket") { Glibc.socket(AF_UNIX, type, 0) })
    try UnixAddress(path).connect(socket)
    try call("let the socket wait from now on") { fcntl(socket.number, F_SETFL, 0) }
    return socket
  }

  /// Inode number of the mount namespace of the process at the other end. That is the runtime, and its shims and runc
  /// share the namespace. A peer in another pid namespace has no pid here.
  package static func peerMountNamespace(of socket: FileDescriptor) throws(Errno) -> UInt64 {
    let pid = try socket.peer("ask who is at the other end of the NRI socket")
    guard pid > 0 else {
      throw Errno(ESRCH, "find the runtime's process (the plugin must share its pid namespace)")
    }
    do { return UInt64(try Files.status("/proc/\(pid)/ns/mnt").st_ino) } catch {
      guard error.code == EACCES || error.code == EPERM else { throw error }
      throw Errno(error.code, "look at the runtime's mount namespace, /proc/\(pid)/ns/mnt (it takes CAP_SYS_PTRACE)")
    }
  }
}
