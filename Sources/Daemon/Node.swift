import BPF
import Enforcement
import Events
import Glibc
import Logging
import Policy
import Seccomp
import Synchronization
import System

/// The parts of a running Stockade, put together: kernel, profiles, events, the plugin, and the slow work beside it.
package final class Node: Sendable {
  package static let pinFolder = "/sys/fs/bpf/stockade"
  package static let launchedEventsFile = "/var/log/stockade/events.jsonl"
  private static let sweepSeconds: UInt32 = 5

  package let enforcer: Enforcer
  package let pump: EventPump?
  /// Why the tier is no better.
  package let tierReason: String
  private let kernel: BPFKernel?
  private let log: Logger
  private struct State {
    var isStopping = false
    var carriesEvents = false
  }
  private let state = Mutex(State())

  /// - Parameter runtimeMountNamespace: inode number of the runtime's mount namespace.
  package init(pinFolder: String = Node.pinFolder, runtimeMountNamespace: UInt64, log: Logger) throws(Errno) {
    self.log = log
    let hierarchy = try CgroupHierarchy.current()
    let kernel: BPFKernel?
    do throws(BPFError) {
      kernel = try BPFKernel(
        pinFolder: pinFolder, runtimeMountNamespace: runtimeMountNamespace, hierarchy: hierarchy)
      tierReason = kernel?.tierReason ?? ""
    } catch {
      log.error("no BPF programs: only seccomp can be enforced", metadata: ["reason": "\(error)"])
      kernel = nil
      tierReason = "\(error)"
    }
    self.kernel = kernel
    if let problem = kernel?.protectionProblem {
      log.error("what belongs to stockade is not kept from containers", metadata: ["reason": "\(problem)"])
    }
    let enforcer = Enforcer(kernel: kernel, hierarchy: hierarchy, runtimeMountNamespace: runtimeMountNamespace)
    self.enforcer = enforcer
    pump = kernel.flatMap { kernel in
      do throws(BPFError) {
        let decoder = EventDecoder(subject: { enforcer.eventSubject(cgroupID: $0, revision: $1) })
        return EventPump(
          source: try kernel.eventReader(), decoder: decoder,
          counters: { KernelCounters((try? kernel.counters()) ?? []) }, log: log)
      } catch {
        log.error("no events", metadata: ["reason": "\(error)"])
        return nil
      }
    }
  }

  /// Starts the thread that carries events; once. Until then the kernel keeps them: only with a configuration is it
  /// known where they go, and only with what an earlier process left, whose they are.
  package func carryEvents() {
    let isFirst = state.withLock { state in
      defer { state.carriesEvents = true }
      return !state.carriesEvents
    }
    if isFirst, let pump { Thread.detached { @Sendable in pump.run() } }
  }

  /// Starts the thread that releases what ended unannounced.
  package func startSweeping() {
    Thread.detached { @Sendable [self] in
      while !state.withLock({ $0.isStopping }) {
        sleep(Self.sweepSeconds)
        sweep()
      }
    }
  }

  /// Releases containers whose end the runtime never told, and those that had processes left.
  package func sweep() {
    for id in enforcer.containerIDs {
      guard let entry = enforcer.entry(id), entry.phase == .closing || enforcer.hasEnded(id) else { continue }
      do throws(ReleaseError) { _ = try enforcer.release(id) } catch {
        log.error("\(error)", metadata: ["container": "\(id)", "check": "CAP_SYS_ADMIN of the plugin"])
      }
    }
    do throws(KernelError) { try enforcer.openGoneGates() } catch {
      log.error("cannot open the gate of a pod that is gone", metadata: ["reason": "\(error)"])
    }
    do throws(KernelError) { try enforcer.removeUnusedPolicies() } catch {
      log.error("cannot remove policies that no container has any more", metadata: ["reason": "\(error)"])
    }
    do throws(KernelError) { try enforcer.replaceUnfinished() } catch {
      log.error("running containers still have the old text of a profile", metadata: ["reason": "\(error)"])
    }
  }

  /// Takes over changed profiles. What this node cannot enforce is refused, and the old text stays in force.
  package func reload(_ profiles: ProfileLibrary) {
    let node = NodeCapabilities(
      tier: enforcer.tier, tierReason: tierReason, networkProblem: enforcer.networkProblem)
    let report = profiles.reload { $0.refusal($0.gaps(on: node)) }
    for message in report.messages { log.error("profile", metadata: ["problem": "\(message)"]) }
    for warning in report.warnings { log.warning("profile", metadata: ["problem": "\(warning)"]) }
    for (name, reason) in report.refused {
      log.error(
        "the new text of a profile is refused, and the old one stays in force",
        metadata: ["profile": "\(name)", "reason": "\(reason)"])
    }
    for changed in report.changed { replace(changed.profile, on: node) }
    for name in report.staleFilters {
      log.notice("a changed seccomp filter applies at the next start", metadata: ["profile": "\(name)"])
    }
  }

  private func replace(_ profile: Profile, on node: NodeCapabilities) {
    // Without an older text. Containers that choose it are refused; those that run are of a file that was gone.
    if let refusal = profile.refusal(profile.gaps(on: node)) {
      return log.log(
        level: enforcer.profilesInUse.contains(profile.name) ? .error : .info, "the profile cannot be enforced here",
        metadata: ["profile": "\(profile.name)", "reason": "\(refusal)"])
    }
    do throws(KernelError) {
      try enforcer.replace(profile)
      log.info("profile loaded", metadata: ["profile": "\(profile.name)"])
    } catch {
      log.error(
        "some running containers have the old text of a profile, until the kernel takes the new one",
        metadata: ["profile": "\(profile.name)", "reason": "\(error)"])
    }
  }

  /// Ends the threads; takes everything out of the kernel unless some container still needs it.
  package func stop() {
    let carriesEvents = state.withLock { state in
      state.isStopping = true
      return state.carriesEvents
    }
    pump?.stop()
    // The thread would do it, but is not waited for, and the buffer may go with the pins.
    if carriesEvents { pump?.drain() }
    sweep()
    do throws(KernelError) {
      if try !enforcer.removeIfUnused() {
        log.info("containers stay confined by what is pinned", metadata: ["pins": "\(Self.pinFolder)"])
      }
    } catch {
      log.error("cannot remove the pins", metadata: ["reason": "\(error)"])
    }
  }
}
