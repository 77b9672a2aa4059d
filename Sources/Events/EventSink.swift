import Glibc
import Synchronization
import System

/// Where event lines go.
package protocol EventSink: Sendable {
  func write(_ line: String) throws(Errno)
}

/// JSON lines on an open descriptor, such as standard output.
package struct DescriptorSink: EventSink {
  let file: FileDescriptor
  package init(_ file: FileDescriptor) { self.file = file }
  package func write(_ line: String) throws(Errno) { try file.write((line + "\n").utf8) }
}

/// JSON lines appended to a file, which is made with the first of them. At the size limit the file becomes `NAME.1`,
/// replacing an older one. Where the file or its folder cannot be made, each line tries again.
package final class FileSink: EventSink {
  /// Of one file; two are kept.
  package static let limitBytes = 64 << 20

  private struct State {
    var file: FileDescriptor
    var bytes: Int
  }
  private let path: String
  private let limitBytes: Int
  private let state = Mutex<State?>(nil)

  package init(path: String, limitBytes: Int = FileSink.limitBytes) {
    self.path = path
    self.limitBytes = limitBytes
  }

  private func open() throws(Errno) -> State {
    if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
      try Files.makeFolder(String(path[..<slash]), mode: 0o750)
    }
    // O_NOFOLLOW: a link put there beforehand would make us write elsewhere as root.
    let file = try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o640)
    var status = stat()
    try call("stat \(path)") { fstat(file.number, &status) }
    return State(file: file, bytes: Int(status.st_size))
  }

  package func write(_ line: String) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      let bytes = Array((line + "\n").utf8)
      var current = if let state { state } else { try open() }
      if current.bytes > 0, current.bytes + bytes.count > limitBytes {
        state = nil
        try call("rename \(path) to \(path).1") { rename(path, path + ".1") }
        current = try open()
      }
      try current.file.write(bytes)
      current.bytes += bytes.count
      state = current
    }
  }
}
