import CSystem
import Glibc

/// An open file descriptor that closes itself.
package final class FileDescriptor: Sendable {
  package let number: Int32

  /// Takes ownership of `number`.
  package init(owning number: Int32) { self.number = number }

  package convenience init(open path: String, _ flags: Int32, mode: mode_t = 0o600) throws(Errno) {
    self.init(owning: try call("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  /// A file in memory that can be sealed. memfd_create(2).
  ///
  /// - Parameter name: for people who look at /proc/PID/fd.
  package convenience init(memoryFile name: String) throws(Errno) {
    self.init(owning: try call("make a file in memory") { system_memory_file(name) })
  }

  /// The next connection of a socket that listens. It never blocks. accept(2).
  package convenience init(accepting listener: FileDescriptor) throws(Errno) {
    self.init(owning: try call("accept a connection") { system_accept(listener.number) })
  }

  deinit { close(number) }

  /// Both ends of a pipe, which never block. pipe(2).
  package static func pipe() throws(Errno) -> (reader: FileDescriptor, writer: FileDescriptor) {
    var ends: [Int32] = [0, 0]
    try call("make a pipe") { Glibc.pipe(&ends) }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    return (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
  }

  /// Two connected stream sockets, which no program inherits by accident. socketpair(2).
  package static func connectedPair() throws(Errno) -> (FileDescriptor, FileDescriptor) {
    var ends: [Int32] = [0, 0]
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    try call("make a socket pair") { socketpair(AF_UNIX, type, 0, &ends) }
    return (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
  }

  /// fstat(2).
  ///
  /// - Parameter name: for messages.
  package func status(_ name: String) throws(Errno) -> stat {
    var status = stat()
    try call("stat \(name)") { fstat(number, &status) }
    return status
  }

  /// The process at the other end of a socket, as it was when it connected.
  package struct Credentials: Equatable, Sendable {
    /// 0: it is in another pid namespace.
    package var pid: pid_t
    package var uid: uid_t
  }

  /// SO_PEERCRED of socket(7).
  ///
  /// - Parameter action: for messages.
  package func credentials(_ action: String) throws(Errno) -> Credentials {
    // struct ucred needs _GNU_SOURCE: pid, uid, gid.
    var found: (pid: Int32, uid: UInt32, gid: UInt32) = (0, 0, 0)
    var size = socklen_t(MemoryLayout.size(ofValue: found))
    try call(action) { getsockopt(number, SOL_SOCKET, SO_PEERCRED, &found, &size) }
    return Credentials(pid: found.pid, uid: found.uid)
  }

  /// The number alone.
  package func peer(_ action: String) throws(Errno) -> pid_t { try credentials(action).pid }

  /// A pidfd of that process. SO_PEERPIDFD of socket(7).
  ///
  /// - Returns: nil: the kernel is older than 6.5.
  package func peerHandle() throws(Errno) -> FileDescriptor? {
    var found: Int32 = -1
    var size = socklen_t(MemoryLayout<Int32>.size)
    do {
      try call("ask for the process that connected") { getsockopt(number, SOL_SOCKET, Self.peerPidfd, &found, &size) }
    } catch {
      if error.code == ENOPROTOOPT { return nil }
      throw error
    }
    return FileDescriptor(owning: found)
  }

  /// SO_PEERPIDFD of asm-generic/socket.h, which older headers lack.
  private static let peerPidfd: Int32 = 77

  /// Reads at most `count` bytes; empty at the end of the file. read(2).
  package func read(atMost count: Int) throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
      do throws(Errno) { used = try call("read") { Glibc.read(number, buffer.baseAddress, count) } } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes all of `bytes`, however many calls that takes. write(2).
  package func write(_ bytes: some Collection<UInt8>) throws(Errno) {
    let bytes = Array(bytes)
    var start = 0
    while start < bytes.count {
      start += try call("write") {
        bytes.withUnsafeBytes { Glibc.write(number, $0.baseAddress! + start, bytes.count - start) }
      }
    }
  }
}

/// Which file it is, whatever its name is. stat(2).
package struct FileIdentity: Hashable, Sendable {
  private let device: dev_t
  private let inode: ino_t

  package init(_ status: stat) { (device, inode) = (status.st_dev, status.st_ino) }
}

/// Writes text to one of our standard streams.
///
/// - Returns: whether somebody listens. If nobody does, that cannot be reported either.
@discardableResult
package func put(_ text: String, to descriptor: Int32) -> Bool {
  let bytes = Array(text.utf8)
  var start = 0
  while start < bytes.count {
    let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + start, bytes.count - start) }
    if written < 0, errno != EINTR { return false }
    start += max(written, 0)
  }
  return true
}
