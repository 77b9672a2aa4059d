import CSystem
import Glibc

/// A text that one process hands to others, and that nobody changes any more: memfd_create(2). Until it is sealed it
/// counts as no text: the process that was to write it may have ended halfway.
package struct SealedText: Sendable {
  package static let maxBytes = 4 << 20
  package let file: FileDescriptor

  /// - Parameter name: for people who look at /proc/PID/fd.
  package init(name: String) throws(Errno) { file = try FileDescriptor(memoryFile: name) }

  /// A text that another process handed over.
  package init(_ file: FileDescriptor) { self.file = file }

  /// Writes the text, once. The seals refuse a second text.
  package func write(_ text: String) throws(Errno) {
    try file.write(text.utf8)
    try call("seal a file in memory") { system_seal(file.number) }
  }

  /// nil: the text was never written as a whole.
  package func read() throws(Errno) -> String? {
    guard try call("look at a file's seals", { system_is_sealed(file.number) }) == 1 else { return nil }
    // The file is read by its path: so the position is not the one of the other processes that have the file.
    return String(decoding: try Files.read("/proc/self/fd/\(file.number)", limit: Self.maxBytes), as: UTF8.self)
  }
}
