import BPF
import Enforcement
import Events
import Glibc
import Logging
import Policy
import Synchronization
import System

/// Checks every few seconds that what is claimed of the node is true, and releases containers whose end nobody
/// reported.
final class NodeSweep: Sendable {
  /// A sweep comes after every second look at the claim. After this many sweeps comes one look at the tables, which are
  /// large.
  private static let sweepsBetweenFills = 12

  private let enforcer: Enforcer
  private let kernel: BPFBackend?
  private let filters: SyscallFilters
  private let events: EventHub
  private let audit: AuditControl
  private let log: Logger
  private struct State {
    var damage = DamageWatch()
    var fills = FillWatch()
    var isReplaced = false
    var tellsGateRecords = false
    /// When the thread last did a step; nil: it was not started.
    var lastStep: SuspendingClock.Instant?
  }
  private let state = Mutex(State())

  init(
    _ enforcer: Enforcer, _ kernel: BPFBackend?, _ filters: SyscallFilters, _ events: EventHub, _ audit: AuditControl,
    _ log: Logger
  ) {
    (self.enforcer, self.kernel, self.filters, self.events) = (enforcer, kernel, filters, events)
    (self.audit, self.log) = (audit, log)
  }

  /// The work of a thread.
  func run(until stop: Worker.Stop) {
    var sweeps = 0
    noteStep()
    while stop.pause(milliseconds: DamageWatch.lookMilliseconds) {
      checkClaim()
      guard stop.pause(milliseconds: DamageWatch.lookMilliseconds) else { return }
      sweeps += 1
      sweep()
      // By now the start is over.
      if sweeps == 1 { Memory.giveBackCode() }
      if sweeps % Self.sweepsBetweenFills == 0 { checkFills() }
      noteStep()
    }
  }

  /// The thread goes on. Nearly each of its steps needs the lock of the table of containers.
  private func noteStep() { state.withLock { $0.lastStep = .now } }

  /// Why nothing is checked and released; nil: the thread went on within that time.
  func problem(over limit: Duration, now: SuspendingClock.Instant = .now) -> String? {
    guard let last = state.withLock({ $0.lastStep }), now - last > limit else { return nil }
    let seconds = (now - last).components.seconds
    return "the sweep has not gone on for \(seconds) s: something holds the table of containers, or the kernel"
  }

  /// From now on it is known where events go.
  func tellGateRecordsFromNowOn() { state.withLock { $0.tellsGateRecords = true } }

  /// Reports tables that are nearly full, before something is refused because of it.
  private func checkFills() {
    do {
      let fills = try enforcer.fills()
      for fill in state.withLock({ $0.fills.news(fills) }) {
        log.warning(
          "a table of the kernel is nearly full: what needs more of it is refused when it is full",
          metadata: ["table": "\(fill.name)", "elements": "\(fill.count)", "limit": "\(fill.limit)"])
      }
    } catch {
      log.error("cannot count the elements of the kernel's tables", metadata: ["reason": "\(error)"])
    }
  }

  /// Releases containers whose end the runtime never reported, and containers that had processes left.
  func sweep() {
    checkClaim()
    if state.withLock({ $0.tellsGateRecords }) {
      tellGateRecords()
      audit.tellOverdue()
    }
    for id in enforcer.endedContainers {
      noteStep()
      do { _ = try enforcer.release(id) } catch {
        log.error("\(error)", metadata: ["container": "\(id)", "check": "CAP_SYS_ADMIN of the plugin"])
      }
    }
    filters.keep { enforcer.entry($0) != nil }
    noteStep()
    do { try enforcer.sweepStrays() } catch {
      log.error("cannot forget processes that are over", metadata: ["reason": "\(error)"])
    }
    noteStep()
    do { try enforcer.openGoneGates() } catch {
      log.error("cannot open the gate of a pod that is gone", metadata: ["reason": "\(error)"])
    }
    noteStep()
    do { try enforcer.removeUnusedPolicies() } catch {
      log.error("cannot remove policies that no container has any more", metadata: ["reason": "\(error)"])
    }
    noteStep()
    do {
      try enforcer.replaceUnfinished { log.report(newText: $1, of: $0) }
    } catch {
      log.error("running containers still have the old text of a profile", metadata: ["reason": "\(error)"])
    }
  }

  /// Tells what commands did to the gates, also while no Stockade ran.
  func tellGateRecords() {
    guard let kernel else { return }
    do {
      let (records, lost) = try kernel.nodeGate.takeRecords()
      for (index, record) in records.enumerated() {
        let told = GateRecord(record, lost: index == 0 ? lost : 0)
        log.notice("\(told.summary)", metadata: ["user": "\(record.user.map(String.init) ?? "none")"])
        events.publish(.nodeGate(told))
      }
    } catch { log.error("cannot read what was done to the node gate", metadata: ["reason": "\(error)"]) }
  }

  /// Checks that what is claimed is true.
  private func checkClaim() {
    mend()
    noteStep()
    checkTier()
    noteStep()
  }

  /// Puts right what somebody else did to pins and programs, and reports it.
  private func mend() {
    let found = enforcer.mend()
    let (wasReplaced, news) = state.withLock { state in
      defer { state.isReplaced = found == nil }
      return (state.isReplaced, state.damage.news(found ?? []))
    }
    if wasReplaced != (found == nil) {
      log.notice(
        found == nil
          ? "a newer stockade uses the pins, and looks after them from now on"
          : "the newer stockade is gone: this one looks after the pins again")
    }
    for damage in news { tell(damage) }
  }

  private func tell(_ damage: Damage) {
    let subject = subject(of: damage)
    var metadata: Logger.Metadata = ["what": "\(damage.what)", "mended": "\(damage.problem == nil)"]
    if let problem = damage.problem {
      metadata["problem"] = "\(problem)"
      metadata["consequence"] = Self.consequence(of: damage)
    }
    if let subject {
      metadata["pod"] = "\(subject.podNamespace)/\(subject.podName)"
      metadata["container"] = "\(subject.containerName)"
    }
    log.log(
      level: damage.problem == nil && !damage.wasOpen ? .error : .critical,
      "somebody has changed what stockade keeps in the kernel", metadata: metadata)
    events.publish(
      .tampered(
        Tampering(
          timeNanoseconds: Timestamp.now(CLOCK_REALTIME), subject: subject, what: damage.what, problem: damage.problem)
      ))
  }

  private func subject(of damage: Damage) -> Subject? {
    switch damage.place {
    case .network(let id), .container(let id): enforcer.subjects.find(id, nil)?.subject
    case .maps, .programs, .strays, .networkPins: nil
    }
  }

  private static func consequence(of damage: Damage) -> Logger.MetadataValue {
    switch damage.place {
    case .network: "nothing in the container may execute until it is mended"
    case .container: "a program may run that should not, or the other way round"
    case .networkPins: "should stockade end, network rules of these containers end"
    case .maps, .programs, .strays: "what starts is refused until it is mended, unless failurePolicy is Ignore"
    }
  }

  /// From now on, what runs is confined by a weaker promise, and what starts is judged by that promise.
  func checkTier() {
    do {
      guard let found = try enforcer.checkClaim() else { return }
      let claim = enforcer.claim
      let loss = TierLoss(
        timeNanoseconds: Timestamp.now(CLOCK_REALTIME), from: enforcer.tier, to: claim.tier, reason: found)
      log.critical(
        "this node enforces less than it did",
        metadata: [
          "reason": "\(found)", "tier": "\(claim.tier.name)", "was": "\(enforcer.tier.name)",
          "profilesInUse": "\(enforcer.profilesInUse.sorted().joined(separator: ", "))",
          "action": "move what must be confined to another node; a restart proves the tier anew",
        ])
      events.publish(.tierLowered(loss))
    } catch {
      log.error("cannot ask the kernel whether programs were skipped", metadata: ["reason": "\(error)"])
    }
  }
}
