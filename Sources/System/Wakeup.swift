import Glibc

/// Wakes a thread that waits in poll(2). pipe(2).
package final class Wakeup: Sendable {
  /// Readable once `wake` was called, until `clear`.
  package let reader: FileDescriptor
  private let writer: FileDescriptor

  package init() throws(Errno) {
    // A full pipe wakes as well, so it is good that the writer does not wait for room.
    (reader, writer) = try FileDescriptor.pipe()
  }

  /// For the start of a process: if the process can open nothing more, it ends.
  package static func atStart() -> Wakeup {
    do { return try Wakeup() } catch { endHard(error) }
  }

  package func wake() { try? writer.write([0]) }

  package func clear() { while let bytes = try? reader.read(atMost: 64), !bytes.isEmpty {} }
}
