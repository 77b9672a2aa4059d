import Glibc
import System

/// The processes that use a folder of pins. The newest one that lives looks after the pins. Each process has a folder,
/// `FOLDER/users/TIME-PID-START`. TIME is the time since boot, in nanoseconds, at which it began.
final class PinUsers: Sendable {
  private let folder: String
  private let own: String

  private struct User {
    var name: String
    var pid: UInt32
    var ticks: UInt64

    /// nil: the name is no process's.
    init?(_ name: String) {
      let parts = name.split(separator: "-")
      guard parts.count == 3, let pid = UInt32(parts[1]), let ticks = UInt64(parts[2]) else { return nil }
      (self.name, self.pid, self.ticks) = (name, pid, ticks)
    }

    /// Where that cannot be found out, it may be.
    var isAlive: Bool { !ProcessStat.isOver(pid: pid, startTicks: ticks) }
  }

  /// Enters this process, as the newest one, and forgets the processes that are over.
  init(of pins: String) throws(BPFError) {
    folder = "\(pins)/users"
    do {
      var now = timespec()
      try call("read the clock") { clock_gettime(CLOCK_BOOTTIME, &now) }
      let time = "\(UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec))"
      let padded = String(repeating: "0", count: max(0, 20 - time.utf8.count)) + time
      own = "\(padded)-\(getpid())-\(try ProcessStat.startTicks(in: "/proc/self"))"
    } catch { throw .system(error) }
    try enter()
    for user in others where !user.isAlive { rmdir("\(folder)/\(user.name)") }
  }

  /// A process that loads nothing looks after nothing, however long it lives.
  deinit { rmdir("\(folder)/\(own)") }

  private func enter() throws(BPFError) {
    for path in [Files.folder(of: folder), folder, "\(folder)/\(own)"] { try Pin.makeFolder(path) }
  }

  private var others: [User] {
    ((try? Files.names(in: folder)) ?? []).filter { $0 != own }.compactMap { User($0) }
  }

  /// Whether no newer process lives. If somebody took this process's entry away, the entry is made again.
  func isNewest() throws(BPFError) -> Bool {
    if !Files.exists("\(folder)/\(own)") { try enter() }
    return !others.contains { $0.name > own && $0.isAlive }
  }
}
