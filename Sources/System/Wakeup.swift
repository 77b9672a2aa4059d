import Glibc

/// Wakes a thread that waits in poll(2). pipe(2).
package final class Wakeup: Sendable {
  /// Readable once `wake` was called, until `clear`.
  package let reader: FileDescriptor
  private let writer: FileDescriptor

  /// Where the process can open nothing more it ends: only for its start.
  package init() {
    // A pipe that is full wakes as well, so it is good that the writer does not wait for room.
    do throws(Errno) { (reader, writer) = try FileDescriptor.pipe() } catch { fatalError("\(error)") }
  }

  package func wake() { try? writer.write([0]) }

  package func clear() { while let bytes = try? reader.read(atMost: 64), !bytes.isEmpty {} }
}
