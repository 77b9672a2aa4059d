import Glibc

/// Wakes a thread that waits in poll(2). pipe2(2).
package final class Wakeup: Sendable {
  /// Readable once `wake` was called, until `clear`.
  package let reader: FileDescriptor
  private let writer: FileDescriptor

  /// Where the process can open nothing more it ends: only for its start.
  package init() {
    var ends: [Int32] = [0, 0]
    let made = pipe(&ends)
    precondition(made == 0, "no pipe can be made: the process is at its limit at start")
    // A pipe that is full wakes as well, so the writer must not wait for room.
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (reader, writer) = (FileDescriptor(owning: ends[0]), FileDescriptor(owning: ends[1]))
  }

  package func wake() { try? writer.write([0]) }

  package func clear() { while let bytes = try? reader.read(atMost: 64), !bytes.isEmpty {} }
}
