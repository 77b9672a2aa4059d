import BPF
import Enforcement
import Glibc
import Logging
import System

/// Takes Stockade out of the kernel for good, whatever is bound by it.
package enum Detachment {
  /// - Returns: how many containers and pods nothing holds any more.
  package static func detachAll(reason: String) throws -> (containers: Int, pods: Int) {
    try NodeGateCommand.checkRoot()
    // The lock is held until this process ends, so that no Stockade starts meanwhile.
    guard case .held(let lock) = try InstanceLock.take(waitMilliseconds: 0) else {
      throw NodeGateCommand.Problem.refused(
        "a stockade serves this node and would put everything back; stop its service, or take the plugin out of the "
          + "runtime's folder of NRI plugins and restart the runtime")
    }
    return try withExtendedLifetime(lock) {
      guard Files.exists(ConfinedNode.pinFolder) else {
        throw NodeGateCommand.Problem.refused("nothing of stockade is pinned below \(ConfinedNode.pinFolder)")
      }
      let held = PinnedCounts(in: ConfinedNode.pinFolder)
      // The record is kept first: nothing is let go without somebody being able to learn of it.
      Audit.tell(
        "stockade is taken out of the kernel (containers \(held.containers), pods \(held.pods)): \(reason)",
        user: NodeGate.Record.loginUser)
      try PolicyMaps.detachAll(pinFolder: ConfinedNode.pinFolder)
      return (held.containers, held.pods)
    }
  }
}

/// Lines in the machine's log that say who changed what holds containers back.
enum Audit {
  private static let patienceMilliseconds = 500

  /// - Parameter user: the user who logged in; nil: nobody did.
  static func tell(_ text: String, user: UInt32?) {
    let output = LogOutput.systemLog()
    let log = Logger(label: "stockade") { _ in LineLogHandler(level: .info, output) }
    log.warning(
      "\(text)", metadata: ["user": "\(user.map(String.init) ?? "none")", "process": "\(getpid())"])
    output.stop(milliseconds: patienceMilliseconds)
  }
}
