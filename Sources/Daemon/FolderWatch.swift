import Glibc
import System

/// Tells when a file in a folder was written, added or removed. inotify(7).
package struct FolderWatch: Sendable {
  private let inotify: FileDescriptor

  /// Editors write in bursts; a change is told once that long after its last event.
  private static let quietMilliseconds: Int32 = 200
  private static let changes = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)
  /// The folder has another name now or none, or the kernel lost events.
  private static let ends = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)

  package init(_ folder: String) throws(Errno) {
    inotify = FileDescriptor(owning: try call("watch files") { inotify_init1(Int32(IN_CLOEXEC)) })
    let events = Self.changes | UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
    try call("watch \(folder)") { inotify_add_watch(inotify.number, folder, events) }
  }

  /// Waits for a change and for the quiet after it.
  ///
  /// - Returns: false where the watch has ended: what comes after needs another one.
  package func wait() throws(Errno) -> Bool {
    var events = try read()
    var descriptor = pollfd(fd: inotify.number, events: Int16(POLLIN), revents: 0)
    while events & Self.ends == 0,
      try call("wait for files", { poll(&descriptor, 1, Self.quietMilliseconds) }) > 0
    {
      events |= try read()
    }
    return events & Self.ends == 0
  }

  /// The masks of all events that are there, united.
  private func read() throws(Errno) -> UInt32 {
    let bytes = try inotify.read(atMost: 65536)
    return bytes.withUnsafeBytes { bytes in
      var (masks, start) = (UInt32(0), 0)
      while start + MemoryLayout<inotify_event>.size <= bytes.count {
        // wd, mask, cookie, length; then a name of that length.
        masks |= bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)
        start += 16 + Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
      }
      return masks
    }
  }
}
