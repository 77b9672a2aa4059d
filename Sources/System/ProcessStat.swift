import Glibc

/// What `/proc/PID/stat` tells. proc(5).
package enum ProcessStat {
  /// Whether the process of that number and start time is over. If that cannot be found out, it counts as not over.
  package static func isOver(pid: UInt32, startTicks: UInt64) -> Bool {
    do { return try Self.startTicks(in: "/proc/\(pid)") != startTicks } catch {
      return error.code == ENOENT || error.code == ESRCH
    }
  }

  /// Field 22: start time in clock ticks since boot.
  ///
  /// - Parameter folder: `/proc/PID` or `/proc/self`.
  package static func startTicks(in folder: String) throws(Errno) -> UInt64 {
    let text = try Files.text("\(folder)/stat")
    // The command's name may hold spaces and brackets, so fields are counted from the last bracket.
    let fields = text[(text.utf8.lastIndex(of: UInt8(ascii: ")")) ?? text.startIndex)...].parts(between: " ")
    guard fields.count > 20, let ticks = UInt64(fields[20]) else { throw Errno(EINVAL, "parse \(folder)/stat") }
    return ticks
  }
}
