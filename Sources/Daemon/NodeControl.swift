import BPF
import Control
import Enforcement
import Events
import Explanation
import Glibc
import Policy
import RPC
import Status
import Synchronization
import System

/// What a node answers to `stockade status` and the like. Any thread may ask. The table's lock is held for a copy at
/// most.
final class NodeControl: ControlledNode {
  /// The time for reading all profiles again.
  private static let reloadMilliseconds = 20_000

  let events: EventHub
  private let enforcer: Enforcer
  private let kernel: BPFBackend?
  private let session: SessionFacts
  private let audit: AuditControl
  private let filters: SyscallFilters
  private let recording: RecordingControl
  private let mode: NodeStatus.Mode
  private let startNanoseconds = Timestamp.now(CLOCK_REALTIME)
  /// Another one after each start.
  let instance = String(UInt64.random(in: 1...UInt64.max), radix: 16)

  private struct State {
    var settings: Settings?
    var follower: ProfileFollower?
    var report = LoadedProfiles.Report()
    var isRead = false
  }
  private let state = Mutex(State())
  private let fills = Mutex<(made: SuspendingClock.Instant, fills: [NodeStatus.TableFill])?>(nil)

  init(
    _ enforcer: Enforcer, _ kernel: BPFBackend?, _ session: SessionFacts, _ audit: AuditControl,
    _ filters: SyscallFilters, _ recording: RecordingControl, _ mode: NodeStatus.Mode
  ) {
    (self.enforcer, self.kernel, self.session, self.audit, self.mode) = (enforcer, kernel, session, audit, mode)
    (self.filters, self.recording) = (filters, recording)
    events = audit.events
  }

  var name: String {
    state.withLock { $0.settings?.configuration.nodeName } ?? EventLineFormat.machineName
  }

  // MARK: What it is told

  func began(_ settings: Settings, _ follower: ProfileFollower) {
    state.withLock { ($0.settings, $0.follower) = (settings, follower) }
  }

  /// The profiles were read.
  func noteReload(_ report: LoadedProfiles.Report) {
    state.withLock { ($0.report, $0.isRead) = (report, true) }
  }

  // MARK: What it is asked

  func status() -> NodeStatus {
    var status = NodeStatus()
    status.version = StockadeVersion.text
    status.instance = instance
    status.startNanoseconds = startNanoseconds
    status.mode = mode
    status.runtime = session.runtime
    let claim = enforcer.claim
    status.tier.claimed = claim.tier.name
    status.tier.proved = enforcer.tier.name
    status.tier.reason = claim.reason
    status.tier.networkProblem = enforcer.capabilities.networkProblem ?? ""
    status.containers = Self.counts(of: containers())
    status.profiles = profilesStatus
    status.nodeGate = gateStatus
    status.losses = losses
    status.misses = (try? kernel?.runs())?.map { NodeStatus.Count($0.program, $0.skipped) } ?? []
    status.tables = tables
    status.audits = enforcer.audits.map { AuditStatus($0) }
    status.problems = problems(of: status)
    return status
  }

  /// However many ask at once, one walks the tables.
  private var tables: [NodeStatus.TableFill] {
    fills.withLock { known in
      if let known, .now - known.made < MonitoringLimits.fillsMaxAge { return known.fills }
      let found = (try? enforcer.fills()) ?? []
      let fills = found.map { NodeStatus.TableFill($0.name, UInt64($0.count), of: UInt64($0.limit)) }
      known = (.now, fills)
      return fills
    }
  }

  /// What containers that start now cannot do without; empty: nothing is missing. Waits for no decision.
  var missingForReadiness: [String] {
    var missing: [String] = []
    if let problem = session.configurationProblem { missing.append(problem) }
    if !session.runtime.isConnected { missing.append("the runtime is not connected") }
    if !state.withLock({ $0.isRead }) { missing.append("the profiles are not read yet") }
    return missing
  }

  private static func counts(of containers: [ContainerStatus]) -> [NodeStatus.ContainerCount] {
    struct Group: Hashable {
      var profile: String
      var state: ContainerStatus.State
    }
    return Dictionary(grouping: containers) { Group(profile: $0.profile, state: $0.state) }
      .map { NodeStatus.ContainerCount(profile: $0.profile, state: $0.state, count: $1.count) }
      .sorted { ($0.profile, $0.state.rawValue) < ($1.profile, $1.state.rawValue) }
  }

  private var profilesStatus: NodeStatus.ProfilesStatus {
    let (settings, report, isRead) = state.withLock { ($0.settings, $0.report, $0.isRead) }
    var status = NodeStatus.ProfilesStatus()
    status.areRead = isRead
    status.count = settings?.profiles.names.count ?? 0
    status.problems = report.problems
    return status
  }

  private var gateStatus: NodeStatus.NodeGateStatus {
    var status = NodeStatus.NodeGateStatus()
    status.isWanted = state.withLock { $0.settings?.configuration.nodeGate.enabled } ?? false
    guard let gate = kernel?.nodeGate else { return status }
    status.isClosed = (try? gate.isClosed) ?? false
    status.openUntilNanoseconds = try? gate.openUntilNanoseconds()
    return status
  }

  private var losses: [NodeStatus.Count] {
    guard let counters = try? kernel?.counters() else { return [] }
    return KernelCounter.allCases.map { NodeStatus.Count($0.rawValue, counters[$0]) }
  }

  /// Why not all is enforced that should be.
  private func problems(of status: NodeStatus) -> [String] {
    var problems: [String] = []
    if let problem = session.configurationProblem { problems.append(problem) }
    if !status.runtime.isConnected {
      problems.append(
        "the runtime is not connected: what starts now gets no seccomp filter and is let through by nobody")
    }
    if kernel == nil {
      problems.append("no BPF programs: \(status.tier.reason)")
    } else if status.tier.claimed != status.tier.proved {
      problems.append("tier \(status.tier.proved) was proved, but \(status.tier.reason)")
    }
    if let missing = enforcer.missingProblem { problems.append("stockade's own are not as it left them: \(missing)") }
    if let problem = kernel?.protectionProblem {
      problems.append("what belongs to stockade is not kept from containers: \(problem)")
    }
    if !status.profiles.areRead { problems.append("the profiles are not read yet") }
    problems += status.profiles.problems
    if status.nodeGate.isWanted, !status.nodeGate.isClosed { problems.append("the node gate is not closed") }
    if let until = status.nodeGate.openUntilNanoseconds {
      problems.append("all gates are open until \(Timestamp.rfc3339(nanoseconds: until))")
    }
    problems += status.audits.map { audit in
      "\(audit.scope) \(audit.subject) is audited until \(Timestamp.rfc3339(nanoseconds: audit.untilNanoseconds))"
    }
    return problems
  }

  /// By container: the time until which a temporary audit holds.
  private var auditedUntil: [String: Int64] {
    var until: [String: Int64] = [:]
    for found in enforcer.audits {
      for subject in found.containers {
        until[subject.containerID] = max(until[subject.containerID] ?? 0, found.audit.wallClockNanoseconds)
      }
    }
    return until
  }

  func containers() -> [ContainerStatus] {
    let until = auditedUntil
    return enforcer.summaries.map { ContainerStatus($0, auditedUntil: until[$0.subject.containerID]) }
  }

  /// - Parameter id: the id, or a beginning that only one has.
  private func summary(ofContainer id: String) -> Enforcer.Summary? {
    let found = enforcer.summaries.filter { $0.subject.containerID.hasPrefix(id) }
    let exact = found.filter { $0.subject.containerID == id }
    return exact.first ?? (found.count == 1 ? found.first : nil)
  }

  func explain(_ operation: Operation, inContainer id: String) throws(RPCStatus) -> Explanation {
    guard let summary = summary(ofContainer: id) else { throw ControlService.noContainer(id) }
    return try ContainerExplainer(
      summary: summary, node: enforcer.presentCapabilities,
      auditedUntilNanoseconds: auditedUntil[summary.subject.containerID], filter: filters.filter(of: summary.cgroupID)
    ).explain(operation)
  }

  func details(ofContainer id: String) -> ContainerDetails? {
    guard let summary = summary(ofContainer: id) else { return nil }
    let node = enforcer.presentCapabilities
    let gaps = summary.text.map { $0.assess(node: node, container: summary.facts).gaps } ?? []
    let container = ContainerStatus(summary, auditedUntil: auditedUntil[summary.subject.containerID])
    return ContainerDetails(container, gaps: gaps.map(\.description))
  }

  func profiles() -> [ProfileStatus] {
    guard let profiles = state.withLock({ $0.settings?.profiles }) else { return [] }
    let counts = Dictionary(
      enforcer.summaries.compactMap { summary in summary.profile.map { ($0, 1) } }, uniquingKeysWith: +)
    let node = enforcer.presentCapabilities
    return profiles.allNames.map { name in
      var status = ProfileStatus()
      status.name = name
      status.containers = counts[name] ?? 0
      do {
        let profile = try profiles.profile(named: name).profile
        status.file = profile.file
        status.mode = profile.mode.rawValue
        status.gaps = profile.assess(node: node).gaps.map(\.description)
      } catch { status.problem = "\(error)" }
      return status
    }
  }

  func reload() -> ReloadOutcome {
    guard let follower = state.withLock({ $0.follower }) else {
      return ReloadOutcome(changed: [], problems: ["the runtime has sent no configuration yet"])
    }
    guard let report = follower.readAgain(within: Self.reloadMilliseconds) else {
      return ReloadOutcome(
        changed: [], problems: ["the profiles are not read after \(Self.reloadMilliseconds / 1000) s; look at the disk"]
      )
    }
    return ReloadOutcome(changed: report.changed.map(\.profile.name).sorted(), problems: report.problems)
  }

  func setAudit(_ request: AuditRequest, by caller: AuditCaller) throws(RPCStatus) -> AuditOutcome {
    do {
      let answer = try audit.set(request, by: caller, state.withLock { $0.settings })
      var status = AuditStatus(request.scope)
      status.untilNanoseconds = answer.untilNanoseconds ?? 0
      status.reason = request.reason
      (status.callerUID, status.callerPID) = (caller.uid, Int32(clamping: caller.pid))
      status.containerIDs = answer.containers.map(\.containerID)
      return AuditOutcome(audit: status, remarks: [answer.note])
    } catch { throw RPCStatus(.failedPrecondition, error.description) }
  }

  func record(_ request: RecordRequest, _ call: RecordingCall) throws(RPCStatus) {
    var request = request
    // A beginning of an id that only one container has is as good.
    if case .container(let id) = request.scope, let found = details(ofContainer: id) {
      request.scope = .container(found.container.id)
    }
    try recording.begin(request, call)
  }

  func endRecording(_ name: String) -> Bool { recording.end(name) }

  func endRecordings(milliseconds: Int) { recording.stop(milliseconds: milliseconds) }
}

extension AuditStatus {
  fileprivate init(_ scope: AuditScope) {
    self.init()
    (self.scope, subject) = (scope.kind, scope.subject)
  }

  fileprivate init(_ found: AuditInForce) {
    self.init(found.audit.scope)
    untilNanoseconds = found.audit.wallClockNanoseconds
    reason = found.audit.reason
    (callerUID, callerPID) = (found.audit.caller?.uid ?? 0, Int32(clamping: found.audit.caller?.pid ?? 0))
    containerIDs = found.containers.map(\.containerID)
  }
}

extension ContainerStatus {
  fileprivate init(_ summary: Enforcer.Summary, auditedUntil: Int64?) {
    self.init()
    let subject = summary.subject
    (id, name, image) = (subject.containerID, subject.containerName, subject.image)
    (podNamespace, podName, podUID) = (subject.podNamespace, subject.podName, subject.podUID)
    profile = summary.profile ?? ""
    state = summary.isSuspended ? .suspended : summary.phase == .open ? .open : .closing
    cgroupID = summary.cgroupID.number
    hasOlderText = summary.hasOlderText
    auditedUntilNanoseconds = auditedUntil
  }
}
