import Glibc

/// A unix socket that root alone reaches.
package struct ListeningSocket: Sendable {
  package enum Folder: Sendable {
    /// It is Stockade's own: it gets mode 0700, and a socket that an earlier process left in it is replaced.
    case own
    /// An administrator chose it, and others may have theirs in it. It is left as it is, and nothing in it is replaced
    /// but a socket at which nobody listens.
    case chosen
  }

  package let file: FileDescriptor
  private let path: String
  private let identity: FileIdentity

  /// Makes the folder, if it is not there, and a new socket in it. Neither the folder nor the socket may be a link.
  ///
  /// - Parameter backlog: how many clients may wait to be accepted.
  package init(at path: String, in kind: Folder, backlog: Int) throws(Errno) {
    self.path = path
    let folder = try Self.folder(Files.folder(of: path), kind)
    let name = String(path.split(separator: "/").last ?? "")
    if kind == .chosen { try Self.checkIsFree(path, folder, name) }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    file = FileDescriptor(owning: try call("make a socket") { socket(AF_UNIX, type, 0) })
    // The new socket takes the name in one step. Until then clients find the former one, or none.
    let draft = "\(name).\(getpid())"
    unlinkat(folder.number, draft, 0)
    try UnixAddress("/proc/self/fd/\(folder.number)/\(draft)").bind(file)
    do {
      try call("set the mode of \(path)") { fchmodat(folder.number, draft, 0o600, 0) }
      var status = stat()
      try call("stat \(path)") { fstatat(folder.number, draft, &status, AT_SYMLINK_NOFOLLOW) }
      identity = FileIdentity(status)
      try call("listen on \(path)") { listen(file.number, Int32(backlog)) }
      try call("make \(path)") { renameat(folder.number, draft, folder.number, name) }
    } catch {
      unlinkat(folder.number, draft, 0)
      throw error
    }
  }

  /// Nobody but root may put something else in the socket's place.
  private static func folder(_ path: String, _ kind: Folder) throws(Errno) -> FileDescriptor {
    try Files.makeFolder(path, mode: 0o700)
    let folder = try FileDescriptor(open: path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
    let status = try folder.status(path)
    if status.st_uid != geteuid() { throw Errno(EPERM, "use \(path), which belongs to user \(status.st_uid)") }
    switch kind {
    case .own: try call("set the mode of \(path)") { fchmod(folder.number, 0o700) }
    case .chosen:
      if status.st_mode & 0o022 != 0 { throw Errno(EPERM, "use \(path), into which other users may write") }
    }
    return folder
  }

  private static func checkIsFree(_ path: String, _ folder: FileDescriptor, _ name: String) throws(Errno) {
    var status = stat()
    guard fstatat(folder.number, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return }
    if status.st_mode & S_IFMT != S_IFSOCK { throw Errno(EEXIST, "make \(path), since something else has that name") }
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    let client = FileDescriptor(owning: try call("make a socket") { socket(AF_UNIX, type, 0) })
    do { try UnixAddress("/proc/self/fd/\(folder.number)/\(name)").connect(client) } catch {
      if error.code == ECONNREFUSED || error.code == ENOENT { return }
    }
    throw Errno(EADDRINUSE, "listen on \(path)")
  }

  /// Takes the name away, if it still is this socket's.
  package func remove() {
    var status = stat()
    guard lstat(path, &status) == 0, FileIdentity(status) == identity else { return }
    unlink(path)
  }
}
