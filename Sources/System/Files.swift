import Glibc

/// Small whole-file and folder operations.
package enum Files {
  /// The whole file, at most `limit` bytes. A longer file is an error (EFBIG) and is never cut.
  package static func read(_ path: String, limit: Int = 4 << 20) throws(Errno) -> [UInt8] {
    try read(FileDescriptor(open: path, O_RDONLY), path, limit)
  }

  /// The same for a regular file. Anything else is an error: a pipe would block the caller, and a device may never end.
  package static func readRegular(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor(open: path, O_RDONLY | O_NONBLOCK)
    var status = stat()
    try call("stat \(path)") { fstat(file.number, &status) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw Errno(EINVAL, "read \(path), which is no regular file")
    }
    return try read(file, path, limit)
  }

  private static func read(_ file: FileDescriptor, _ path: String, _ limit: Int) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    while true {
      let part: [UInt8]
      do { part = try file.read(atMost: 65536) } catch { throw Errno(error.code, "read \(path)") }
      if part.isEmpty { return bytes }
      bytes += part
      if bytes.count > limit { throw Errno(EFBIG, "read \(path) (over \(limit) bytes)") }
    }
  }

  /// The whole file as text, with invalid UTF-8 replaced. For files of the kernel.
  package static func text(_ path: String) throws(Errno) -> String { String(decoding: try read(path), as: UTF8.self) }

  package static func write(_ text: String, to path: String, mode: mode_t = 0o644) throws(Errno) {
    let file = try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_TRUNC, mode: mode)
    do { try file.write(text.utf8) } catch { throw Errno(error.code, "write \(path)") }
  }

  /// Puts a file in the place of what may be there, whole or not at all. rename(2).
  package static func replace(_ path: String, with text: String, mode: mode_t) throws(Errno) {
    let temporary = "\(path).\(getpid())"
    unlink(temporary)
    do throws(Errno) {
      // Nobody else's file, whoever may write to the folder.
      let file = try FileDescriptor(open: temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
      do { try file.write(text.utf8) } catch { throw Errno(error.code, "write \(temporary)") }
      try call("rename \(temporary) to \(path)") { rename(temporary, path) }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  /// Names in a folder, sorted, without `.` and `..`. readdir(3).
  package static func names(in folder: String) throws(Errno) -> [String] {
    guard let stream = opendir(folder) else { throw Errno(errno, "list \(folder)") }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The folder in which a path lies; `.` if the path does not say.
  package static func folder(of path: String) -> String {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  package static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  package static func status(_ path: String) throws(Errno) -> stat {
    var status = stat()
    try call("stat \(path)") { stat(path, &status) }
    return status
  }

  /// Makes the folder and the folders above it. mkdir(2).
  package static func makeFolder(_ path: String, mode: mode_t = 0o755) throws(Errno) {
    for folder in path.pathsFromTop {
      if mkdir(folder, mode) == -1, errno != EEXIST { throw Errno(errno, "make folder \(folder)") }
    }
  }

  package static func link(at path: String) throws(Errno) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = try call("read link \(path)") { readlink(path, &buffer, buffer.count) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
