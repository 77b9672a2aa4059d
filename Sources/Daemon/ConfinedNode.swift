import BPF
import Compilation
import Control
import Enforcement
import Events
import Glibc
import Logging
import Metrics
import Policy
import RPC
import Seccomp
import Status
import Synchronization
import System

/// What stands behind the plugin on a node: kernel, events and profiles, with their threads.
package final class ConfinedNode: Sendable {
  package static let pinFolder = "/sys/fs/bpf/stockade"
  package static let launchedEventsFile = "/var/log/stockade/events.jsonl"
  /// The time at the end for what is left in the kernel's buffer. The end comes within a second in every state.
  private static let drainMilliseconds = 150
  /// The time for one round of the sweep.
  private static let roundMilliseconds = 300
  /// The time for threads that end at once, unless a disk, a process's memory or the runtime holds them.
  static let idleMilliseconds = 50
  /// The time for containers to get the policies back that they had before they were recorded. If that is not enough,
  /// the next process gives them their policies.
  private static let recordingMilliseconds = 150

  package let enforcer: Enforcer
  package let events = EventHub()
  package let idle: IdleReports
  package let pump: EventPump?
  package let filters: SyscallFilters
  let kernel: BPFBackend?
  /// nil: there is no kernel to record by.
  package let recorder: Recorder?
  let log: Logger
  let sweep: NodeSweep
  let session = SessionFacts()
  let control: NodeControl
  let counts = MetricRegistry()
  let calls: CallMeter
  let running = StopList()
  private struct State {
    var carriesEvents = false
    var follower: ProfileFollower?
    /// What a configuration brought; nil: there was none that can be used.
    var settings: Settings?
    var whenProfilesAreLate: @Sendable () -> Void = {}
    var toldMissing: Set<IdlePart> = []
  }
  private let state = Mutex(State())

  /// - Parameter runtimeMountNamespace: inode number of the runtime's mount namespace.
  package init(
    pinFolder: String = ConfinedNode.pinFolder, runtimeMountNamespace: UInt64, mode: NodeStatus.Mode = .service,
    log: Logger
  ) throws(Errno) {
    self.log = log
    idle = IdleReports(events, log)
    let hierarchy = try CgroupHierarchy.current()
    let kernel: BPFBackend?
    var noKernelReason = ""
    do {
      if let problem = MemoryAllowance.ofThisProcess?.problem { throw BPFError.unavailable(problem) }
      kernel = try BPFBackend(
        pinFolder: pinFolder, runtimeMountNamespace: runtimeMountNamespace, hierarchy: hierarchy)
    } catch {
      log.error("no BPF programs: only seccomp can be enforced", metadata: ["reason": "\(error)"])
      kernel = nil
      noKernelReason = "\(error)"
    }
    self.kernel = kernel
    if let problem = kernel?.networkProblem {
      // Without cgroup v2, the node was made so. With it, something keeps us from enforcing the rules.
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
    let recorder = kernel.map { Recorder(kernel: $0, subjects: enforcer.subjects) }
    self.recorder = recorder
    let watch = kernel.map { kernel in
      SyscallWatch(log: log) { (onlyTrampoline) throws(BPFError) in
        try kernel.syscallPrograms(onlyTrampoline: onlyTrampoline)
      }
    }
    filters = SyscallFilters(watch, problem: noKernelReason, log: log)
    running.add { watch?.stop() }
    running.add { [events] in events.close(log: log) }
    running.add { [idle] in idle.finish(milliseconds: Self.idleMilliseconds) }
    pump = kernel.flatMap { [running, events, filters] in
      Self.makePump($0, enforcer, filters, recorder, events, running, log)
    }
    let audit = AuditControl(enforcer: enforcer, events: events, log: log)
    sweep = NodeSweep(enforcer, kernel, filters, events, audit, log)
    let recording = RecordingControl(enforcer, recorder, pump, log)
    control = NodeControl(enforcer, kernel, session, audit, filters, recording, mode)
    calls = CallMeter(counts)
    counts.change(NodeMetric.begin)
  }

  /// The reader of command lines for the events is stopped last, together with the subscribers that are added later.
  private static func makePump(
    _ kernel: BPFBackend, _ enforcer: Enforcer, _ filters: SyscallFilters, _ recorder: Recorder?, _ events: EventHub,
    _ running: StopList, _ log: Logger
  ) -> EventPump? {
    do {
      let source = try kernel.eventReader()
      let commandLines = CommandLineReader()
      running.add { commandLines.stop(milliseconds: idleMilliseconds) }
      let decoder = EventDecoder(
        tier: enforcer.tier, subject: { enforcer.subjects.find($0, $1) },
        commandLine: { commandLines.read(pid: $0) }, syscall: { filters.ruling($0, $1) })
      return EventPump(
        source: source, decoder: decoder, counters: { (try? kernel.counters()) ?? KernelCounters() }, hub: events,
        log: log, wants: { recorder?.take($0) ?? true })
    } catch {
      log.error("no events", metadata: ["reason": "\(error)"])
      return nil
    }
  }

  // MARK: Threads

  /// Starts the thread that carries events; once. Until then the kernel keeps the events. Only the configuration says
  /// where they go, and only what an earlier process left says whose they are.
  package func carryEvents() {
    let isFirst = state.withLock { state in
      defer { state.carriesEvents = true }
      return !state.carriesEvents
    }
    guard isFirst else { return }
    sweep.tellGateRecordsFromNowOn()
    guard let pump else { return }
    let worker = Worker { _ in pump.run() }
    running.add {
      pump.stop()
      // The thread tells what is in the kernel's buffer, which may go with the pins. A record that hangs is not waited
      // for.
      if !worker.stop(milliseconds: Self.drainMilliseconds) { pump.leave() }
    }
  }

  /// Starts the thread that checks the claim, and that releases containers whose end nobody reported. This happens
  /// before the profiles are followed, because at the end the thread takes away what the profiles' thread writes.
  func startSweeping() {
    let worker = Worker { [sweep] stop in sweep.run(until: stop) }
    running.add { [self] in endSweeping(worker) }
  }

  /// Serves the control socket. Containers are confined without it as well, so an error is only told.
  func serveControl(at path: String = ControlService.socketPath) {
    let admission = ControlAdmission(hierarchy: enforcer.hierarchy) { [subjects = enforcer.subjects] in
      subjects.find($0, nil) != nil
    }
    do {
      let server = try RPCServer(
        at: path, methods: ControlService.methods(of: control),
        admit: { (socket) throws(RPCStatus) in try admission.admit(socket) },
        tell: { [log] in log.warning("\($0)") })
      running.add { server.stop(milliseconds: Self.idleMilliseconds) }
      running.add { [control] in control.endRecordings(milliseconds: Self.recordingMilliseconds) }
    } catch {
      log.error("nothing can be asked of this stockade", metadata: ["reason": "\(error)", "socket": "\(path)"])
    }
  }

  /// Starts work that nobody else waits for. At the end it is not waited for either, whatever holds it.
  func start(_ work: @escaping @Sendable (Worker.Stop) -> Void) {
    let worker = Worker(work)
    running.add { worker.stop(milliseconds: Self.idleMilliseconds) }
  }

  /// Ends the threads, the last one first. Takes everything out of the kernel unless some container still needs it.
  package func stop() { running.stopAll() }

  /// A sweep that went on would put back what is being taken out.
  private func endSweeping(_ worker: Worker) {
    if worker.stop(milliseconds: Self.roundMilliseconds) {
      sweep.sweep()
      takeOut()
    } else {
      log.error(
        "a sweep does not end, so what is pinned stays until the next stockade", metadata: ["pins": "\(Self.pinFolder)"]
      )
    }
  }

  private func takeOut() {
    do {
      if try !enforcer.removeIfUnused() {
        log.info("containers stay confined by what is pinned", metadata: ["pins": "\(Self.pinFolder)"])
      }
    } catch {
      log.error("cannot remove the pins", metadata: ["reason": "\(error)"])
    }
  }

  /// Checks that the tier still is what was proved.
  package func checkTier() { sweep.checkTier() }

  // MARK: What a configuration asks for

  /// Sets up what a configuration asks for beside the plugin: the events' file, the node gate, the profiles.
  ///
  /// - Parameter defaultEventsFile: nil: standard output.
  func begin(_ settings: Settings, defaultEventsFile: String?) {
    let configuration = settings.configuration
    if let path = configuration.eventsFile ?? defaultEventsFile {
      writeEvents(to: path, EventLineFormat(configuration))
    } else {
      events.subscribe(
        "standard output", EventLineFormat(configuration), DescriptorSink(FileDescriptor(owning: dup(1))))
    }
    setNodeGate(configuration.nodeGate)
    if let address = configuration.metricsAddress { serveMetrics(at: address) }
    follow(settings.profiles, by: configuration)
  }

  /// Containers start and are confined even if events cannot be written: a full or missing disk stops no node.
  func writeEvents(to path: String, _ format: EventLineFormat) {
    events.subscribe(path, format, FileSink(path: path, log: log))
  }

  /// Sets the node gate as the configuration wants it. A closed node gate stays closed while Stockade is away.
  private func setNodeGate(_ wanted: NodeConfiguration.NodeGate) {
    do {
      guard let change = try enforcer.setNodeGate(wanted) else { return }
      try kernel?.nodeGate.keep(change)
    } catch {
      log.critical(
        "the node gate does not hold, though the configuration asks for it", metadata: ["reason": "\(error)"])
    }
    sweep.tellGateRecords()
  }

  /// Reads the profiles, and reads them again whenever they change. Waits for the first reading, but not long.
  private func follow(_ profiles: LoadedProfiles, by configuration: NodeConfiguration) {
    tellIdle(configuration)
    let follower = ProfileFollower(folder: configuration.profilesFolder, log: log) { @Sendable [self] known in
      defer { tellMissing(of: configuration, in: profiles) }
      return reload(profiles, known: known)
    }
    state.withLock { $0.follower = follower }
    control.began(Settings(configuration: configuration, profiles: profiles), follower)
    running.add { follower.stop(milliseconds: Self.idleMilliseconds) }
    follower.start(patienceMilliseconds: SettingsLoader.profilesPatience(session.callLimit)) { @Sendable [self] in
      session.profilesCameLate(state.withLock { $0.whenProfilesAreLate })
    }
  }

  /// Logs what does nothing in a configuration.
  package func tellIdle(_ configuration: NodeConfiguration) {
    for part in configuration.idleParts { log.warning("configuration", metadata: ["problem": "\(part)"]) }
  }

  /// Logs which profiles a configuration names and the folder has not, each once until it is there.
  package func tellMissing(of configuration: NodeConfiguration, in profiles: LoadedProfiles) {
    let missing = configuration.missingProfiles(exists: profiles.exists)
    let new = state.withLock { state in
      defer { state.toldMissing = Set(missing) }
      return missing.filter { !state.toldMissing.contains($0) }
    }
    for part in new { log.warning("configuration", metadata: ["problem": "\(part)"]) }
  }

  /// - Parameter act: called when the profiles are read, if the runtime was answered without them meanwhile, and
  ///   something that ran already could not be adopted for that.
  func whenProfilesAreLate(_ act: @escaping @Sendable () -> Void) { state.withLock { $0.whenProfilesAreLate = act } }

  /// Begins the events' file anew and reads the profiles again. Waits for neither.
  func refresh() {
    log.info("SIGHUP: reopening the events' file, reading the profiles; a changed configuration needs a restart")
    events.reopen()
    state.withLock { $0.follower }?.readAgain()
  }

  /// Takes over changed profiles. If this node cannot enforce a new text, the text is refused, and the old text stays
  /// in force.
  ///
  /// - Parameter known: problems that were told before and are not told again.
  @discardableResult
  package func reload(_ profiles: LoadedProfiles, known: Set<String> = []) -> LoadedProfiles.Report {
    let node = enforcer.capabilities
    let report = profiles.reload { $0.assess(node: node).refusal }
    control.noteReload(report)
    let outcome = report.messages.isEmpty && report.refused.isEmpty ? NodeMetric.Reload.ok : .problems
    counts.add(to: NodeMetric.reloads, outcome.rawValue)
    for message in report.messages where !known.contains(message) {
      log.error("profile", metadata: ["problem": "\(message)"])
    }
    for warning in report.warnings { log.warning("profile", metadata: ["problem": "\(warning)"]) }
    for (name, reason) in report.refused {
      log.error(
        "the new text of a profile is refused, and the old one stays in force",
        metadata: ["profile": "\(name)", "reason": "\(reason)"])
    }
    for changed in report.changed { replace(changed.compiled, on: node) }
    for name in report.staleFilters {
      log.notice("a changed seccomp filter applies at the next start", metadata: ["profile": "\(name)"])
    }
    return report
  }

  private func replace(_ changed: CompiledProfile, on node: NodeCapabilities) {
    let profile = changed.profile
    // There is no older text. Containers that choose the profile are refused. Containers that run with it have it from
    // a file that was gone.
    if let refusal = profile.assess(node: node).refusal {
      return log.log(
        level: enforcer.profilesInUse.contains(profile.name) ? .error : .info, "the profile cannot be enforced here",
        metadata: ["profile": "\(profile.name)", "reason": "\(refusal)"])
    }
    do {
      try enforcer.replace(changed) { log.report(newText: $1, of: $0) }
      log.info("profile loaded", metadata: ["profile": "\(profile.name)"])
    } catch {
      log.error(
        "some running containers have the old text of a profile, until the kernel takes the new one",
        metadata: ["profile": "\(profile.name)", "reason": "\(error)"])
    }
  }
}
