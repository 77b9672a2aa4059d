import CSystem
import Glibc

/// The processes that this one started, or that became its children when their parents ended.
package enum Children {
  /// From now on, descendants whose parents end become children of this process. PR_SET_CHILD_SUBREAPER of prctl(2).
  package static func adoptOrphans() throws(Errno) { try call("adopt orphans") { system_become_subreaper() } }

  /// The children that exist now, zombies included. proc(5).
  package static var pids: [pid_t] {
    let threads = (try? Files.names(in: "/proc/self/task")) ?? []
    return threads.flatMap { thread in
      let text = (try? Files.text("/proc/self/task/\(thread)/children")) ?? ""
      return text.split(separator: " ").compactMap { pid_t($0) }
    }
  }

  /// Waits for the end of a child. waitpid(2).
  ///
  /// - Returns: its exit status, or 128 plus the number of the signal that ended it.
  @discardableResult
  package static func wait(for pid: pid_t) throws(Errno) -> Int32 {
    var status: Int32 = 0
    try call("wait for process \(pid)") { waitpid(pid, &status, 0) }
    return exitStatus(ofWait: status)
  }

  /// The shell's view of what waitpid(2) reports.
  static func exitStatus(ofWait status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }
}
