import Glibc
import System

/// Tells when something may have changed on the way to a socket. It uses inotify(7) on the deepest existing folder of
/// the path. It serves for one wait: call `aim` again after each event.
struct SocketWatch {
  let inotify: Inotify
  private let path: String
  private static let changes = UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

  init(_ path: String) throws(Errno) {
    self.path = path
    inotify = try Inotify()
  }

  /// Watches the folder that is the deepest now. Call it before a look at the socket, so that nothing is missed.
  func aim() throws(Errno) {
    // These events came for the folder that was watched before.
    _ = try? inotify.takeEvents()
    var folder = Files.folder(of: path)
    while true {
      do {
        // If it is the same folder again, the watch is the same. If there is a link on the way, the watch is where the
        // link leads.
        try inotify.watch(folder, for: Self.changes | UInt32(IN_ONLYDIR))
        return
      } catch {
        guard [ENOENT, ENOTDIR].contains(error.code), folder != "/", folder != "." else { throw error }
        folder = Files.folder(of: folder)
      }
    }
  }
}
