import Glibc
import System

/// Tells when a file in a folder was written, added or removed. inotify(7).
package struct FolderWatch: Sendable {
  private let inotify: FileDescriptor

  /// Editors write in bursts; a change is told once that long after its last event.
  private static let quietMilliseconds: Int32 = 200

  package init(_ folder: String) throws(Errno) {
    inotify = FileDescriptor(owning: try call("watch files") { inotify_init1(Int32(IN_CLOEXEC)) })
    let events = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)
    try call("watch \(folder)") { inotify_add_watch(inotify.number, folder, events) }
  }

  /// Waits for a change and for the quiet after it.
  package func wait() throws(Errno) {
    _ = try inotify.read(atMost: 65536)
    var descriptor = pollfd(fd: inotify.number, events: Int16(POLLIN), revents: 0)
    while try call("wait for files", { poll(&descriptor, 1, Self.quietMilliseconds) }) > 0 {
      _ = try inotify.read(atMost: 65536)
    }
  }
}
