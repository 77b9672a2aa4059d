import Glibc

/// An open file descriptor that closes itself.
package final class FileDescriptor: Sendable {
  package let number: Int32

  /// Takes ownership of `number`.
  package init(owning number: Int32) { self.number = number }

  package convenience init(open path: String, _ flags: Int32, mode: mode_t = 0o600) throws(Errno) {
    self.init(owning: try call("open \(path)") { Glibc.open(path, flags | O_CLOEXEC, mode) })
  }

  deinit { close(number) }

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

/// Writes text to one of our standard streams; where nobody listens any more, nothing can be told either.
package func put(_ text: String, to descriptor: Int32) {
  let bytes = Array(text.utf8)
  _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
}
