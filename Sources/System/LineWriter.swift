import Glibc
import Synchronization

/// Lines on an open descriptor, such as a standard stream. It may block. Code that must not block puts an `OutputQueue`
/// before it.
///
/// No line is ever glued to a half line. Where only the rest of a line can come, or an earlier process left a half line
/// in a file, a line break comes first.
package final class LineWriter: Sendable {
  private struct State {
    /// How many bytes of the present line are already written.
    var written = 0
    /// nil: nobody has looked. A disk may hang, and only `write` may block.
    var endsInHalfLine: Bool?
  }
  private let file: FileDescriptor
  private let state = Mutex(State())

  package init(_ file: FileDescriptor) { self.file = file }

  /// After an error the same line must come again. It is continued at the byte where it broke off, unless the reader is
  /// gone: another reader gets the whole line.
  package func write(_ line: String) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      let endsInHalfLine = state.endsInHalfLine ?? Self.endsInHalfLine(file)
      state.endsInHalfLine = endsInHalfLine
      let bytes = Array(((endsInHalfLine ? "\n" : "") + line + "\n").utf8)
      do throws(Errno) {
        while state.written < bytes.count { state.written += try write(bytes[state.written...]) }
      } catch {
        if state.written > 0, [EPIPE, ECONNRESET].contains(error.code) {
          state = State(endsInHalfLine: true)
        }
        throw error
      }
      state = State(endsInHalfLine: false)
    }
  }

  /// Writes some of the bytes. Another process that shares the stream with us may have made it one that does not block.
  private func write(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
    do {
      return try call("write") { bytes.withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) } }
    } catch {
      guard error.code == EAGAIN else { throw error }
      var descriptor = pollfd(fd: file.number, events: Int16(POLLOUT), revents: 0)
      try call("wait for room") { poll(&descriptor, 1, -1) }
      return 0
    }
  }

  /// Only a file that can be read says how it ends.
  private static func endsInHalfLine(_ file: FileDescriptor) -> Bool {
    var status = stat()
    guard fstat(file.number, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0,
      let reader = try? FileDescriptor(open: "/proc/self/fd/\(file.number)", O_RDONLY | O_NONBLOCK)
    else { return false }
    var byte: UInt8 = 0
    return pread(reader.number, &byte, 1, status.st_size - 1) == 1 && byte != UInt8(ascii: "\n")
  }
}
