import Glibc
import Logging
import Synchronization
import System

/// JSON lines appended to a file. The file is made with the first line. At the size limit the file becomes `NAME.1`,
/// and replaces an older one. If the file or its folder cannot be made, each line tries again. If the file was removed,
/// or has another name now, a new file is begun.
///
/// No line is ever glued to a half line. If only a part of a line could be written, that part is cut off again. If it
/// cannot be cut off, or an earlier process left a half line, a line break comes first.
package final class FileSink: EventSink {
  /// The limit of one file. Two files are kept.
  package static let limitBytes = 64 << 20

  fileprivate struct State {
    var file: FileDescriptor
    var identity: FileIdentity
    var bytes: Int
    /// A device or a pipe is neither renamed nor cut.
    var isRegular: Bool
    var endsInHalfLine: Bool
  }
  private let path: String
  private let limitBytes: Int
  private let log: Logger
  private let state = Mutex<State?>(nil)

  package init(
    path: String, limitBytes: Int = FileSink.limitBytes,
    log: Logger = Logger(label: "stockade") { _ in SwiftLogNoOpLogHandler() }
  ) {
    (self.path, self.limitBytes, self.log) = (path, limitBytes, log)
  }

  package func write(_ line: String) throws(Errno) {
    try state.withLock { (state) throws(Errno) in
      forgetIfReplaced(&state)
      let bytes = Array((line + "\n").utf8)
      var current = if let state { state } else { try open() }
      let size = bytes.count + (current.endsInHalfLine ? 1 : 0)
      if current.isRegular, current.bytes > 0, current.bytes + size > limitBytes {
        state = nil
        try call("rename \(path) to \(path).1") { rename(path, path + ".1") }
        current = try open()
      }
      defer { state = current }
      try current.append(bytes, path)
    }
  }

  package func reopen() {
    state.withLock { state in
      state = nil
      // What is wrong is reported with the next line.
      state = try? open()
    }
  }

  private func open() throws(Errno) -> State {
    if path.utf8.contains(UInt8(ascii: "/")) { try Files.makeFolder(Files.folder(of: path), mode: 0o750) }
    // O_NOFOLLOW: a link put there beforehand would make us write elsewhere as root.
    let file = try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o640)
    let status = try file.status(path)
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    return State(
      file: file, identity: FileIdentity(status), bytes: Int(status.st_size), isRegular: isRegular,
      endsInHalfLine: isRegular && status.st_size > 0 && Self.lastByte(path, status) != UInt8(ascii: "\n"))
  }

  /// nil: it cannot be read.
  private static func lastByte(_ path: String, _ status: stat) -> UInt8? {
    guard let file = try? FileDescriptor(open: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) else { return nil }
    var byte: UInt8 = 0
    return pread(file.number, &byte, 1, status.st_size - 1) == 1 ? byte : nil
  }

  /// Without this, lines would go into a file that nobody can find any more.
  private func forgetIfReplaced(_ state: inout State?) {
    guard let current = state else { return }
    var status = stat()
    if lstat(path, &status) == 0 ? FileIdentity(status) == current.identity : errno != ENOENT { return }
    state = nil
    log.warning("the events' file was removed or replaced; it is begun anew", metadata: ["file": "\(path)"])
  }
}

extension FileSink.State {
  /// Appends the whole line or nothing, as far as that is possible.
  fileprivate mutating func append(_ line: [UInt8], _ path: String) throws(Errno) {
    let bytes = (endsInHalfLine ? [UInt8(ascii: "\n")] : []) + line
    var written = 0
    do {
      while written < bytes.count {
        written += try call("write to \(path)") {
          bytes[written...].withUnsafeBytes { Glibc.write(file.number, $0.baseAddress, $0.count) }
        }
      }
    } catch {
      if written > 0 { leave(written, path) }
      throw error
    }
    self.bytes += written
    endsInHalfLine = false
  }

  /// Takes the beginning of a line away again, if nobody has appended behind it. What went into a pipe cannot be taken
  /// away. ftruncate(2).
  private mutating func leave(_ written: Int, _ path: String) {
    guard isRegular, let size = (try? file.status(path)).map({ Int($0.st_size) }) else {
      endsInHalfLine = true
      return
    }
    if size == bytes + written, ftruncate(file.number, bytes) == 0 { return }
    (bytes, endsInHalfLine) = (size, true)
  }
}
