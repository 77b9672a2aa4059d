import Glibc

/// Watches files and folders, and never blocks. inotify(7).
package struct Inotify: Sendable {
  package struct Event: Equatable, Sendable {
    /// -1: the kernel lost events.
    package var watch: Int32
    package var mask: UInt32
  }

  /// It can be read when there are events.
  package let descriptor: FileDescriptor

  package init() throws(Errno) {
    descriptor = FileDescriptor(
      owning: try call("watch files") { inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK)) })
  }

  /// Watches one more file or folder. For one that is watched already this gives the same watch.
  @discardableResult package func watch(_ path: String, for events: UInt32) throws(Errno) -> Int32 {
    try call("watch \(path)") { inotify_add_watch(descriptor.number, path, events) }
  }

  /// Of a watch that the kernel has ended already nothing is told.
  package func end(_ watch: Int32) { _ = inotify_rm_watch(descriptor.number, watch) }

  /// Takes the events that are there.
  package func takeEvents() throws(Errno) -> [Event] {
    var events: [Event] = []
    while true {
      let bytes: [UInt8]
      do { bytes = try descriptor.read(atMost: Self.bufferBytes) } catch {
        if error.code == EAGAIN { return events }
        throw error
      }
      if bytes.isEmpty { return events }
      events += Self.events(in: bytes)
    }
  }

  private static let bufferBytes = 65536

  private static func events(in bytes: [UInt8]) -> [Event] {
    bytes.withUnsafeBytes { bytes in
      var (events, start) = ([Event](), 0)
      while start + MemoryLayout<inotify_event>.size <= bytes.count {
        // wd, mask, cookie, length; then a name of that length.
        events.append(
          Event(
            watch: bytes.loadUnaligned(fromByteOffset: start, as: Int32.self),
            mask: bytes.loadUnaligned(fromByteOffset: start + 4, as: UInt32.self)))
        start += 16 + Int(bytes.loadUnaligned(fromByteOffset: start + 12, as: UInt32.self))
      }
      return events
    }
  }
}
