import Glibc
import Synchronization

/// Lines on an open descriptor, such as a standard stream. It may block. Code that must not block puts an `OutputQueue`
/// before it.
package final class LineWriter: Sendable {
  private let file: FileDescriptor
  /// How many bytes of the present line are already written.
  private let written = Mutex(0)

  package init(_ file: FileDescriptor) { self.file = file }

  /// After an error the same line must come again. It is continued at the byte where it broke off.
  package func write(_ line: String) throws(Errno) {
    try written.withLock { (written) throws(Errno) in
      let bytes = Array((line + "\n").utf8)
      while written < bytes.count { written += try write(bytes[written...]) }
      written = 0
    }
  }

  /// Writes some of the bytes. Another process that shares the stream with us may have made it one that does not block.
  private func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    do throws(Errno) {
      return try call("write") { bytes.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) } }
    } catch {
      guard error.code == EAGAIN else { throw error }
      var descriptor = pollfd(fd: file.number, events: Int16(POLLOUT), revents: 0)
      try call("wait for room") { poll(&descriptor, 1, -1) }
      return 0
    }
  }
}
