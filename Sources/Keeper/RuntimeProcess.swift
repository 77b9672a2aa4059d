import Glibc
import System

/// The process of the runtime.
package struct RuntimeProcess: Sendable {
  package let process: ProcessHandle

  package init(_ process: ProcessHandle) { self.process = process }

  /// Where it serves NRI; nil: nowhere, or it has ended.
  package func socket() throws(Errno) -> String? {
    let socket = try RuntimeSocket.find(pid: try process.pid())
    // The number was the runtime's all the while, if it still is.
    return process.hasEnded ? nil : socket
  }

  /// Whoever else listens where the runtime should would be taken for it, and so would its mount namespace.
  package func check(peerOf socket: FileDescriptor) throws(Errno) {
    let (found, own) = (try socket.peer("ask who is at the other end of the NRI socket"), try process.pid())
    if found != own || process.hasEnded {
      throw Errno(EPERM, "take process \(found) for the runtime, which is process \(own)")
    }
  }
}
