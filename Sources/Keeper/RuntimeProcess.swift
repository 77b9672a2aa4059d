import Glibc
import System

/// The process of the runtime, by its pidfd: never another process that got its number.
package struct RuntimeProcess: Sendable {
  package let file: FileDescriptor

  package init(_ file: FileDescriptor) { self.file = file }

  package var hasEnded: Bool {
    var polled = pollfd(fd: file.number, events: Int16(POLLIN), revents: 0)
    return poll(&polled, 1, 0) != 0
  }

  /// `Pid:` of /proc/self/fdinfo; pidfd_open(2). It is the runtime's number as long as that has not ended.
  package func pid() throws(Errno) -> pid_t {
    let text = try Files.text("/proc/self/fdinfo/\(file.number)")
    let line = text.split(separator: "\n").first { $0.hasPrefix("Pid:") }
    guard let pid = line.flatMap({ pid_t($0.dropFirst("Pid:".count).drop { $0 == " " || $0 == "\t" }) }), pid > 0 else {
      throw Errno(ESRCH, "find the runtime")
    }
    return pid
  }

  /// Where it serves NRI; nil: nowhere, or it has ended.
  package func socket() throws(Errno) -> String? {
    let socket = try RuntimeSocket.find(pid: try pid())
    // The number was the runtime's all the while, if it still is.
    return hasEnded ? nil : socket
  }

  /// Whoever else listens where the runtime should would be taken for it, and so would its mount namespace.
  package func check(peerOf socket: FileDescriptor) throws(Errno) {
    let (found, own) = (try socket.peer("ask who is at the other end of the NRI socket"), try pid())
    if found != own || hasEnded { throw Errno(EPERM, "take process \(found) for the runtime, which is process \(own)") }
  }
}
