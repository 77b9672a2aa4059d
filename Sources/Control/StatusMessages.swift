import CProtobuf
import Status
import TTRPC

// The node's state, between protobuf-c's structs and Swift.

extension NodeStatus {
  init(_ message: StatusResponseMessage) {
    self.init()
    version = text(message.version)
    instance = text(message.instance)
    startNanoseconds = message.start_time
    mode = Mode(rawValue: text(message.mode)) ?? .service
    problems = texts(message.n_problems, message.problems)
    if let message = message.tier?.pointee { tier = TierStatus(message) }
    if let message = message.runtime?.pointee { runtime = RuntimeStatus(message) }
    if let message = message.node_gate?.pointee { nodeGate = NodeGateStatus(message) }
    containers = elements(message.n_containers, message.containers).map { ContainerCount($0.pointee) }
    losses = elements(message.n_losses, message.losses).map { Count($0.pointee) }
    misses = elements(message.n_misses, message.misses).map { Count($0.pointee) }
    audits = elements(message.n_audits, message.audits).map { AuditStatus($0.pointee) }
    tables = elements(message.n_tables, message.tables).map { TableFill($0.pointee) }
    if let message = message.profiles?.pointee { profiles = ProfilesStatus(message) }
  }

  func write(to message: inout StatusResponseMessage, _ arena: Arena) {
    message.version = arena.string(version)
    message.instance = arena.string(instance)
    message.start_time = startNanoseconds
    message.mode = arena.string(mode.rawValue)
    message.is_protected = isProtected ? 1 : 0
    (message.n_problems, message.problems) = arena.array(problems, arena.string)
    message.tier = arena.message { tier.write(to: &$0, arena) }
    message.runtime = arena.message { runtime.write(to: &$0, arena) }
    message.node_gate = arena.message { nodeGate.write(to: &$0) }
    (message.n_containers, message.containers) = arena.array(containers) { count in
      arena.message { count.write(to: &$0, arena) }
    }
    (message.n_losses, message.losses) = arena.array(losses) { count in arena.message { count.write(to: &$0, arena) } }
    (message.n_misses, message.misses) = arena.array(misses) { count in arena.message { count.write(to: &$0, arena) } }
    (message.n_audits, message.audits) = arena.array(audits) { audit in arena.message { audit.write(to: &$0, arena) } }
    (message.n_tables, message.tables) = arena.array(tables) { fill in arena.message { fill.write(to: &$0, arena) } }
    message.profiles = arena.message { profiles.write(to: &$0, arena) }
  }
}

extension NodeStatus.TierStatus {
  fileprivate init(_ message: TierStatusMessage) {
    self.init()
    claimed = text(message.claimed)
    proved = text(message.proved)
    reason = text(message.reason)
    networkProblem = text(message.network_problem)
  }

  fileprivate func write(to message: inout TierStatusMessage, _ arena: Arena) {
    message.claimed = arena.string(claimed)
    message.proved = arena.string(proved)
    message.reason = arena.string(reason)
    message.network_problem = arena.string(networkProblem)
  }
}

extension NodeStatus.RuntimeStatus {
  fileprivate init(_ message: RuntimeStatusMessage) {
    self.init()
    isConnected = message.is_connected != 0
    name = text(message.name)
    version = text(message.version)
    nriVersion = text(message.nri_version)
    seccomp = text(message.seccomp)
  }

  fileprivate func write(to message: inout RuntimeStatusMessage, _ arena: Arena) {
    message.is_connected = isConnected ? 1 : 0
    message.name = arena.string(name)
    message.version = arena.string(version)
    message.nri_version = arena.string(nriVersion)
    message.seccomp = arena.string(seccomp)
  }
}

extension NodeStatus.NodeGateStatus {
  fileprivate init(_ message: NodeGateStatusMessage) {
    self.init()
    isWanted = message.is_wanted != 0
    isClosed = message.is_closed != 0
    openUntilNanoseconds = message.open_until == 0 ? nil : message.open_until
  }

  fileprivate func write(to message: inout NodeGateStatusMessage) {
    message.is_wanted = isWanted ? 1 : 0
    message.is_closed = isClosed ? 1 : 0
    message.open_until = openUntilNanoseconds ?? 0
  }
}

extension NodeStatus.ContainerCount {
  fileprivate init(_ message: ContainerCountMessage) {
    self.init(
      profile: text(message.profile), state: ContainerStatus.State(rawValue: text(message.state)) ?? .open,
      count: Int(message.count))
  }

  fileprivate func write(to message: inout ContainerCountMessage, _ arena: Arena) {
    message.profile = arena.string(profile)
    message.state = arena.string(state.rawValue)
    message.count = UInt32(clamping: count)
  }
}

extension NodeStatus.Count {
  fileprivate init(_ message: CountMessage) { self.init(text(message.name), message.count) }

  fileprivate func write(to message: inout CountMessage, _ arena: Arena) {
    message.name = arena.string(name)
    message.count = count
  }
}

extension NodeStatus.TableFill {
  fileprivate init(_ message: TableFillMessage) { self.init(text(message.name), message.count, of: message.limit) }

  fileprivate func write(to message: inout TableFillMessage, _ arena: Arena) {
    message.name = arena.string(name)
    message.count = count
    message.limit = limit
  }
}

extension NodeStatus.ProfilesStatus {
  fileprivate init(_ message: ProfilesStatusMessage) {
    self.init()
    areRead = message.are_read != 0
    count = Int(message.count)
    problems = texts(message.n_problems, message.problems)
  }

  fileprivate func write(to message: inout ProfilesStatusMessage, _ arena: Arena) {
    message.are_read = areRead ? 1 : 0
    message.count = UInt32(clamping: count)
    (message.n_problems, message.problems) = arena.array(problems, arena.string)
  }
}

extension ContainerStatus {
  init(_ message: ContainerMessage) {
    self.init()
    id = text(message.id)
    name = text(message.name)
    podNamespace = text(message.pod_namespace)
    podName = text(message.pod_name)
    podUID = text(message.pod_uid)
    image = text(message.image)
    profile = text(message.profile)
    state = State(rawValue: text(message.state)) ?? .open
    cgroupID = message.cgroup_id
    auditedUntilNanoseconds = message.audited_until == 0 ? nil : message.audited_until
    hasOlderText = message.has_older_text != 0
  }

  func write(to message: inout ContainerMessage, _ arena: Arena) {
    message.id = arena.string(id)
    message.name = arena.string(name)
    message.pod_namespace = arena.string(podNamespace)
    message.pod_name = arena.string(podName)
    message.pod_uid = arena.string(podUID)
    message.image = arena.string(image)
    message.profile = arena.string(profile)
    message.state = arena.string(state.rawValue)
    message.cgroup_id = cgroupID
    message.audited_until = auditedUntilNanoseconds ?? 0
    message.has_older_text = hasOlderText ? 1 : 0
  }
}

extension ProfileStatus {
  init(_ message: ProfileMessage) {
    self.init()
    name = text(message.name)
    file = text(message.file)
    mode = text(message.mode)
    containers = Int(message.containers)
    gaps = texts(message.n_gaps, message.gaps)
    let problem = text(message.problem)
    self.problem = problem.isEmpty ? nil : problem
  }

  func write(to message: inout ProfileMessage, _ arena: Arena) {
    message.name = arena.string(name)
    message.file = arena.string(file)
    message.mode = arena.string(mode)
    message.containers = UInt32(clamping: containers)
    (message.n_gaps, message.gaps) = arena.array(gaps, arena.string)
    message.problem = arena.string(problem ?? "")
  }
}

extension AuditStatus {
  init(_ message: AuditMessage) {
    self.init()
    scope = text(message.scope)
    subject = text(message.subject)
    untilNanoseconds = message.until
    reason = text(message.reason)
    callerUID = message.caller_uid
    callerPID = message.caller_pid
    containerIDs = texts(message.n_container_ids, message.container_ids)
  }

  func write(to message: inout AuditMessage, _ arena: Arena) {
    message.scope = arena.string(scope)
    message.subject = arena.string(subject)
    message.until = untilNanoseconds
    message.reason = arena.string(reason)
    message.caller_uid = callerUID
    message.caller_pid = callerPID
    (message.n_container_ids, message.container_ids) = arena.array(containerIDs, arena.string)
  }
}

/// A repeated field of texts.
func texts(_ count: Int, _ array: Arena.Pointers<CChar>?) -> [String] { elements(count, array).map { text($0) } }
