import Glibc
import System

/// Tells when something may have changed on the way to a socket: inotify(7) on the deepest folder of its path that is
/// there. For one wait: `aim` again after each event.
struct SocketWatch {
  let inotify: FileDescriptor
  private let path: String
  private static let changes = UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)

  init(_ path: String) throws(Errno) {
    self.path = path
    inotify = FileDescriptor(
      owning: try call("watch folders") { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) })
  }

  /// Watches what is the deepest folder now. To be called before a look at the socket, so that nothing is missed.
  func aim() throws(Errno) {
    // What came for the folder of before.
    while (try? inotify.read(atMost: 65536))?.isEmpty == false {}
    var folder = Files.folder(of: path)
    while true {
      do throws(Errno) {
        // The same folder once more is the same watch; with a link on the way it is where that leads.
        try call("watch \(folder)") { inotify_add_watch(inotify.number, folder, Self.changes | UInt32(IN_ONLYDIR)) }
        return
      } catch {
        guard [ENOENT, ENOTDIR].contains(error.code), folder != "/", folder != "." else { throw error }
        folder = Files.folder(of: folder)
      }
    }
  }
}
