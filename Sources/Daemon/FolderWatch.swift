import Glibc
import System

import struct Policy.ExactText

/// Tells when a file in a folder was written, added or removed. inotify(7).
package struct FolderWatch: Sendable {
  package enum Outcome: Equatable, Sendable {
    /// There was a change.
    case changed
    /// The watch has ended. Later changes need another watch.
    case ended
    /// Somebody called `wake`.
    case woken
    /// Nothing happened during the whole wait.
    case nothing
  }

  private let inotify: Inotify

  /// Editors write in bursts. A change is told once, this long after its last event.
  package static let quietMilliseconds = 200
  /// A folder in which something is always written has no quiet. So a change is told at the latest this long after its
  /// first event.
  package static let longestMilliseconds = 2000
  private static let changes = UInt32(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE)
  /// The folder has another name now or none, or the kernel lost events.
  private static let ends = UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT | IN_Q_OVERFLOW)

  package init(_ folder: String) throws(Errno) {
    inotify = try Inotify()
    try inotify.watch(folder, for: Self.changes | UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR))
  }

  /// Waits for a change and for the quiet after it, or for `wakeup`. Who is woken looks at everything, so no change is
  /// told of beside that.
  package func wait(milliseconds: Int, or wakeup: Wakeup) throws(Errno) -> Outcome {
    let ready = try Self.poll([wakeup.reader, inotify.descriptor], milliseconds)
    if ready[0] {
      wakeup.clear()
      return .woken
    }
    return ready[1] ? try settle(or: wakeup) : .nothing
  }

  /// Waits in the same way where nothing can be watched.
  package static func wait(milliseconds: Int, for wakeup: Wakeup) throws(Errno) -> Outcome {
    guard try poll([wakeup.reader], milliseconds)[0] else { return .nothing }
    wakeup.clear()
    return .woken
  }

  private func settle(or wakeup: Wakeup) throws(Errno) -> Outcome {
    let end = ContinuousClock.now + .milliseconds(Self.longestMilliseconds)
    while true {
      if try inotify.takeEvents().contains(where: { $0.mask & Self.ends != 0 }) { return .ended }
      if .now >= end { return .changed }
      let ready = try Self.poll([wakeup.reader, inotify.descriptor], Self.quietMilliseconds)
      if ready[0] {
        wakeup.clear()
        return .woken
      }
      if !ready[1] { return .changed }
    }
  }

  /// Which of the descriptors can be read.
  private static func poll(_ files: [FileDescriptor], _ milliseconds: Int) throws(Errno) -> [Bool] {
    var descriptors = files.map { pollfd(fd: $0.number, events: Int16(POLLIN), revents: 0) }
    try call("wait for files") { Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(milliseconds)) }
    return descriptors.map { $0.revents != 0 }
  }
}

/// What a folder's files are, without reading them. It shows changes that no watch sees: a link above the folder that
/// leads elsewhere now, or a file on another machine's disk.
package struct FolderStamp: Equatable, Sendable {
  /// Files beyond this number are left to the watch.
  package static let filesMax = 2048

  private struct FileStamp: Equatable, Sendable {
    var identity: FileIdentity
    /// Size, and seconds and nanoseconds of the last change of the file's text and of the file itself.
    var numbers: [Int]

    init(_ status: stat) {
      identity = FileIdentity(status)
      numbers = [
        Int(status.st_size), status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec,
        status.st_ctim.tv_nsec,
      ]
    }
  }
  private var folder: FileIdentity?
  private var files: [ExactText: FileStamp] = [:]

  package init(_ path: String) {
    folder = (try? Files.status(path)).map(FileIdentity.init)
    let names = (try? Files.names(in: path)) ?? []
    for name in names.prefix(Self.filesMax) where !name.hasPrefix(".") {
      files[ExactText(name)] = (try? Files.status("\(path)/\(name)")).map(FileStamp.init)
    }
  }
}
