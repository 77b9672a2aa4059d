import Logging
import System

/// The capabilities of a Stockade that serves a node. capabilities(7).
///
/// The first thread keeps what a start takes until the start is over. No other thread ever has more than what a running
/// Stockade needs.
package enum Privileges {
  /// - CAP_BPF, CAP_PERFMON: tables of the kernel, and the programs that are loaded when a container is watched.
  /// - CAP_NET_ADMIN: network programs at a container's cgroup.
  /// - CAP_SYS_PTRACE: to look at containers' and clients' processes: namespaces, root, memory.
  /// - CAP_DAC_READ_SEARCH: cgroups by their number, and a container's files below folders of other users.
  /// - CAP_KILL: the processes of a container that must end, where there is no cgroup v2.
  package static let running = [
    "CAP_BPF", "CAP_PERFMON", "CAP_NET_ADMIN", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_KILL",
  ]
  /// - CAP_SYS_ADMIN: the tier is proved in a mount namespace of its own; tables of an earlier layout are opened.
  /// - CAP_DAC_OVERRIDE: that trial's cgroup is made at the root, which nobody may write to.
  /// - CAP_SYS_NICE: a trial interrupts the kernel by a task of a higher priority.
  /// - CAP_SETPCAP: to give capabilities up for good.
  package static let starting = running + ["CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE", "CAP_SYS_NICE", "CAP_SETPCAP"]

  /// Call it before there is another thread.
  ///
  /// - Parameter hasKeeper: this process starts a keeper, which starts another Stockade with all that a start takes.
  static func begin(hasKeeper: Bool) -> Privileges.Start {
    let start = Start(passable: hasKeeper ? starting : running)
    Thread.beginEach { try? start.keepRunning() }
    return start
  }

  struct Start: Sendable {
    fileprivate let passable: [String]

    fileprivate func keepRunning() throws(Errno) { try Capabilities.keep(running, passable: passable) }

    /// The start is over. Call it on the first thread; again, it does nothing.
    func end(_ log: Logger) {
      do { try keepRunning() } catch {
        log.error("stockade has more capabilities than it needs", metadata: ["reason": "\(error)"])
      }
    }
  }
}
