import System

/// Where event lines go. It is called on a thread of the sink's own, so it may block. After an error the same line
/// comes again.
package protocol EventSink: Sendable {
  func write(_ line: String) throws(Errno)
  /// Begins the file anew to which it writes, if the file has a name.
  func reopen()
}

extension EventSink {
  package func reopen() {}
}

/// JSON lines on an open descriptor, such as standard output.
package struct DescriptorSink: EventSink {
  private let lines: LineWriter
  package init(_ file: FileDescriptor) { lines = LineWriter(file) }
  package func write(_ line: String) throws(Errno) { try lines.write(line) }
}
