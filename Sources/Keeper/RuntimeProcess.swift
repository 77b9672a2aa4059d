import Glibc
import System

/// The process of the runtime.
package struct RuntimeProcess: Sendable {
  package let process: ProcessHandle

  package init(_ process: ProcessHandle) { self.process = process }

  /// The socket on which the runtime serves NRI; nil: it serves nowhere, or it has ended.
  package func socket() throws(Errno) -> String? {
    let socket = try RuntimeSocket.find(pid: try process.pid())
    // If the number is the runtime's now, it was so all the while.
    return process.hasEnded ? nil : socket
  }

  /// Throws unless the runtime is at the other end. Another process that listens there would be taken for the runtime,
  /// and its mount namespace for the runtime's.
  package func check(peerOf socket: FileDescriptor) throws(Errno) {
    let (found, own) = (try socket.peer("ask who is at the other end of the NRI socket"), try process.pid())
    if found != own || process.hasEnded {
      throw Errno(EPERM, "take process \(found) for the runtime, which is process \(own)")
    }
  }
}
