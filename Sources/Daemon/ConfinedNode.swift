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
package final class ConfinedNode: Sendable {
  package static let pinFolder = "/sys/fs/bpf/stockade"
  package static let launchedEventsFile = "/var/log/stockade/events.jsonl"
  /// A sweep comes after each second look at the claim, and after so many sweeps one at the tables, which are large.
  private static let sweepsBetweenFills = 12
  /// At the end, for what is left in the kernel's buffer.
  private static let drainMilliseconds = 150
  /// At the end, for a round of the sweep: it ends within a second in every state.
  private static let roundMilliseconds = 300

  package let enforcer: Enforcer
  package let events = EventHub()
  package let pump: EventPump?
  private let kernel: BPFBackend?
  private let log: Logger
  private struct State {
    var carriesEvents = false
    var follower: ProfileFollower?
    var whenProfilesAreLate: @Sendable () -> Void = {}
    var damage = DamageWatch()
    var fills = FillWatch()
    var isReplaced = false
  }
  private let state = Mutex(State())
  private let rounds = Rounds()

  /// - Parameter runtimeMountNamespace: inode number of the runtime's mount namespace.
  package init(pinFolder: String = ConfinedNode.pinFolder, runtimeMountNamespace: UInt64, log: Logger) throws(Errno) {
    self.log = log
    let hierarchy = try CgroupHierarchy.current()
    let kernel: BPFBackend?
    var noKernelReason = ""
    do throws(BPFError) {
      kernel = try BPFBackend(
        pinFolder: pinFolder, runtimeMountNamespace: runtimeMountNamespace, hierarchy: hierarchy)
    } catch {
      log.error("no BPF programs: only seccomp can be enforced", metadata: ["reason": "\(error)"])
      kernel = nil
      noKernelReason = "\(error)"
    }
    self.kernel = kernel
    if let problem = kernel?.networkProblem {
      // Without cgroup v2 that is how the node was made; else something keeps us from it.
      log.log(
        level: hierarchy.layout == .v1 ? .info : .error, "network rules cannot be enforced",
        metadata: ["reason": "\(problem)"])
    }
    if let kernel, kernel.tookOver {
      log.notice(
        "took over the pins of an earlier layout",
        metadata: ["networkRules": "\(kernel.networkProblem ?? "taken over")", "pins": "\(pinFolder)"])
    }
    if let problem = kernel?.protectionProblem {
      log.error("what belongs to stockade is not kept from containers", metadata: ["reason": "\(problem)"])
    }
    if let problem = kernel?.memoryProblem {
      log.warning("\(MemoryRoot.consequence)", metadata: ["reason": "\(problem)"])
    }
    let enforcer = Enforcer(
      kernel: kernel, hierarchy: hierarchy, runtimeMountNamespace: runtimeMountNamespace,
      noKernelReason: noKernelReason)
    self.enforcer = enforcer
    pump = kernel.flatMap { [events] kernel in
      do throws(BPFError) {
        let commandLines = CommandLineReader()
        let decoder = EventDecoder(
          tier: enforcer.tier, subject: { enforcer.subjects.find($0, $1) },
          commandLine: { commandLines.read(pid: $0) })
        return EventPump(
          source: try kernel.eventReader(), decoder: decoder,
          counters: { (try? kernel.counters()) ?? KernelCounters() }, hub: events, log: log)
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

  /// Starts the thread that checks the claim, and releases what ended unannounced.
  package func startSweeping() {
    Thread.detached { @Sendable [self] in
      var sweeps = 0
      while rounds.pause(milliseconds: DamageWatch.lookMilliseconds) {
        rounds.run { checkClaim() }
        guard rounds.pause(milliseconds: DamageWatch.lookMilliseconds) else { return }
        sweeps += 1
        rounds.run {
          sweep()
          if sweeps % Self.sweepsBetweenFills == 0 { checkFills() }
        }
      }
    }
  }

  /// Tells of tables that are nearly full, before something is refused for it.
  private func checkFills() {
    do throws(BackendError) {
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

  /// Releases containers whose end the runtime never told, and those that had processes left.
  private func sweep() {
    checkClaim()
    // Before that it is not known where events go.
    if state.withLock({ $0.carriesEvents }) { tellGateRecords() }
    for id in enforcer.containerIDs where enforcer.hasEnded(id) {
      do throws(ReleaseError) { _ = try enforcer.release(id) } catch {
        log.error("\(error)", metadata: ["container": "\(id)", "check": "CAP_SYS_ADMIN of the plugin"])
      }
    }
    do throws(BackendError) { try enforcer.sweepStrays() } catch {
      log.error("cannot forget processes that are over", metadata: ["reason": "\(error)"])
    }
    do throws(BackendError) { try enforcer.openGoneGates() } catch {
      log.error("cannot open the gate of a pod that is gone", metadata: ["reason": "\(error)"])
    }
    do throws(BackendError) { try enforcer.removeUnusedPolicies() } catch {
      log.error("cannot remove policies that no container has any more", metadata: ["reason": "\(error)"])
    }
    do throws(BackendError) { try enforcer.replaceUnfinished() } catch {
      log.error("running containers still have the old text of a profile", metadata: ["reason": "\(error)"])
    }
  }

  /// As the configuration wants it. One that is closed stays so while Stockade is away.
  func setNodeGate(_ wanted: NodeConfiguration.NodeGate) {
    do {
      guard let change = try enforcer.setNodeGate(wanted) else { return }
      try kernel?.nodeGate.keep(change)
    } catch {
      log.critical(
        "the node gate does not hold, though the configuration asks for it", metadata: ["reason": "\(error)"])
    }
    tellGateRecords()
  }

  /// What commands did, also while no Stockade ran.
  private func tellGateRecords() {
    guard let kernel else { return }
    do throws(BPFError) {
      let (records, lost) = try kernel.nodeGate.takeRecords()
      for (index, record) in records.enumerated() {
        let told = GateRecord(record, lost: index == 0 ? lost : 0)
        log.notice("\(told.summary)", metadata: ["user": "\(record.user.map(String.init) ?? "none")"])
        events.publish(.nodeGate(told))
      }
    } catch { log.error("cannot read what was done to the node gate", metadata: ["reason": "\(error)"]) }
  }

  /// Looks whether what is claimed is so.
  private func checkClaim() {
    mend()
    checkTier()
  }

  /// Puts right what somebody else did to pins and programs, and tells of it.
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

  /// What runs is confined by a weaker promise from now on, and what starts is judged by that one.
  package func checkTier() {
    do throws(BackendError) {
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

  /// Reads the profiles, and again whenever they change. Waits for the first reading, but not long.
  func follow(_ profiles: LoadedProfiles, in folder: String) {
    let follower = ProfileFollower(folder: folder, log: log) { @Sendable [self] in reload(profiles, known: $0) }
    state.withLock { $0.follower = follower }
    follower.start { @Sendable [self] in state.withLock { $0.whenProfilesAreLate }() }
  }

  /// - Parameter act: called when the profiles are read, if the runtime was answered without them meanwhile: what runs
  ///   could not be adopted then.
  func whenProfilesAreLate(_ act: @escaping @Sendable () -> Void) { state.withLock { $0.whenProfilesAreLate = act } }

  /// Begins the events' file anew and reads the profiles again. Does not wait for either.
  func refresh() {
    log.info("SIGHUP: reopening the events' file, reading the profiles; a changed configuration needs a restart")
    events.reopen()
    state.withLock { $0.follower }?.readAgain()
  }

  /// Takes over changed profiles. What this node cannot enforce is refused, and the old text stays in force.
  ///
  /// - Parameter known: problems that were told before and are not told again.
  @discardableResult
  package func reload(_ profiles: LoadedProfiles, known: Set<String> = []) -> LoadedProfiles.Report {
    let node = enforcer.capabilities()
    let report = profiles.reload { $0.refusal($0.gaps(on: node)) }
    for message in report.messages where !known.contains(message) {
      log.error("profile", metadata: ["problem": "\(message)"])
    }
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
    return report
  }

  private func replace(_ profile: Profile, on node: NodeCapabilities) {
    // Without an older text. Containers that choose it are refused; those that run are of a file that was gone.
    if let refusal = profile.refusal(profile.gaps(on: node)) {
      return log.log(
        level: enforcer.profilesInUse.contains(profile.name) ? .error : .info, "the profile cannot be enforced here",
        metadata: ["profile": "\(profile.name)", "reason": "\(refusal)"])
    }
    do throws(BackendError) {
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
    // One that went on would put back what is taken out.
    let isQuiet = rounds.end(milliseconds: Self.roundMilliseconds)
    pump?.stop()
    // The thread would do it, but is not waited for, and the buffer may go with the pins.
    if state.withLock({ $0.carriesEvents }) { pump?.drain(milliseconds: Self.drainMilliseconds) }
    if isQuiet {
      sweep()
      takeOut()
    } else {
      log.error(
        "a sweep does not end, so what is pinned stays until the next stockade", metadata: ["pins": "\(Self.pinFolder)"]
      )
    }
    events.finish(log: log)
  }

  private func takeOut() {
    do throws(BackendError) {
      if try !enforcer.removeIfUnused() {
        log.info("containers stay confined by what is pinned", metadata: ["pins": "\(Self.pinFolder)"])
      }
    } catch {
      log.error("cannot remove the pins", metadata: ["reason": "\(error)"])
    }
  }
}
