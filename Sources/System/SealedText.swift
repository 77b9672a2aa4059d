import CSystem
import Glibc

/// A text that one process hands to others, and that nobody changes any more: memfd_create(2). Until it is sealed it
/// says nothing: whoever was to write it may have ended halfway.
package struct SealedText: Sendable {
  package static let maxBytes = 4 << 20
  package let file: FileDescriptor

  /// - Parameter name: for those who look at /proc/PID/fd.
  package init(name: String) throws(Errno) { file = try FileDescriptor(memoryFile: name) }

  /// Of another process.
  package init(_ file: FileDescriptor) { self.file = file }

  /// Once. A second text is refused by the seals.
  package func write(_ text: String) throws(Errno) {
    try file.write(text.utf8)
    try call("seal a file in memory") { system_seal(file.number) }
  }

  /// nil: it was never written as a whole.
  package func read() throws(Errno) -> String? {
    guard try call("look at a file's seals", { system_is_sealed(file.number) }) == 1 else { return nil }
    // By its path: another position than that of the other processes that have the file.
    return String(decoding: try Files.read("/proc/self/fd/\(file.number)", limit: Self.maxBytes), as: UTF8.self)
  }
}
