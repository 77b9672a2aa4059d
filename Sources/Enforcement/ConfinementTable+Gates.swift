import BPF
import Policy
import System

/// The gate of a pod. Nothing below the pod's cgroup may exec unless it was let through at Start. The gate is pinned in
/// the kernel, so it holds while the plugin is away. NRI itself would let every container start then. The kernel knows
/// by itself when the pod's sandbox is over, and which sandbox is next. It removes the gate with the pod's cgroup.
extension ConfinementTable {
  package struct Gate: Sendable {
    var cgroup: Cgroup
    /// The pod, for events.
    var subject: Subject
    /// Ids of the pod's sandboxes that the runtime has reported, and whose removal it has not reported.
    var sandboxes: Set<String> = []
  }

  /// Closes the gate of a sandbox's pod. Containers of the pod that already run must be entered first.
  ///
  /// - Parameter known: nil: the sandbox as the kernel knows it. If the kernel does not know the pod, nothing is known
  ///   of the cgroups in the pod.
  /// - Returns: how many execs the pod's gate has refused since the number was last told.
  mutating func closeGate(
    sandbox: String, _ gate: Gate, _ known: SandboxEntry?
  ) throws(BackendError) -> UInt32 {
    let id = gate.cgroup.id
    let before = try kernel.sandbox(id)
    var sandboxes = gates[id]?.sandboxes ?? []
    if try kernel.nodeGateIsClosed() {
      if try kernel.isExempt(podUID: gate.subject.podUID) {
        try free(gate.cgroup)
        return 0
      }
      try check(known, before)
    }
    subjects.insert(pod: gate.subject, id)
    do {
      if known == nil && before == nil {
        try closeUnknown(gate.cgroup)
      } else {
        try kernel.setGate(id, .closed, sandbox: known)
      }
      try removeFormerGate(id)
    } catch {
      // If the gate is new, neither of its two entries stays. Entries that were there before belong to the pod's
      // earlier sandbox.
      if before == nil { try? kernel.removeGate(id) }
      if gates[id] == nil { subjects.remove(pod: id) }
      throw error
    }
    sandboxes.insert(sandbox)
    gates[id] = Gate(cgroup: gate.cgroup, subject: gate.subject, sandboxes: sandboxes)
    podOfSandbox[sandbox] = id
    return before?.refused ?? 0
  }

  /// Whether the kernel follows which cgroup of a pod belongs to the sandbox.
  func followsSandbox(_ pod: Cgroup) throws(BackendError) -> Bool {
    try kernel.sandbox(pod.id).map { $0.firstChild != .noProcess } ?? false
  }

  /// Closes the gate of a pod that the kernel does not know. It is not known whose the cgroups in the pod are.
  func closeUnknown(_ pod: Cgroup) throws(BackendError) {
    let there = pod.children
    try kernel.setGate(pod.id, .closed, sandbox: SandboxEntry(in: there))
    guard there.isEmpty, let known = try kernel.sandbox(pod.id) else { return }
    // Cgroups may have been made meanwhile.
    let later = pod.children
    if !known.explains(later) { try kernel.replaceSandbox(pod.id, SandboxEntry(in: later)) }
  }

  /// Under the node gate, the kernel says which cgroup is the sandbox's. If the sandbox's process is in another cgroup,
  /// then what was in the kernel's cgroup has run as the sandbox.
  private func check(_ known: SandboxEntry?, _ before: SandboxEntry?) throws(BackendError) {
    guard let known = known?.cgroup, let before = before?.cgroup, known != before else { return }
    throw BackendError(
      message: "its sandbox's process is in cgroup \(known), and \(before) was let run as such", reason: "")
  }

  private mutating func free(_ cgroup: Cgroup) throws(BackendError) {
    try kernel.setGate(cgroup.id, .free, sandbox: nil)
    forget(cgroup.id)
  }

  private mutating func forget(_ podID: CgroupID) {
    for sandbox in gates.removeValue(forKey: podID)?.sandboxes ?? [] { podOfSandbox[sandbox] = nil }
    subjects.remove(pod: podID)
  }

  /// The sandbox's process was over when its cgroup was written down, or it is over now. The end of its cgroup may have
  /// been missed.
  func sandboxEnded(_ cgroup: Cgroup, in podID: CgroupID) throws(BackendError) {
    guard var known = try kernel.sandbox(podID), known.cgroup == cgroup.id,
      let state = try kernel.gate(podID)
    else { return }
    (known.firstChild, known.bound) = (.awaited, nil)
    try kernel.setGate(podID, state, sandbox: known)
  }

  /// The looks of one minute of sweeps. If a runtime is only slow, its sandbox must not be killed.
  package static let unusedLooks = 12

  /// The first cgroup that is made in a pod's cgroup belongs to the sandbox, and keeps every other cgroup out. If the
  /// runtime was ended before it put a process there, no program learns that this sandbox is over. So the sandbox is
  /// over when `unusedLooks` looks in a row find no process there.
  ///
  /// - Parameter found: what one look found.
  /// - Returns: the claims that are over, for `endClaim`.
  mutating func overdueClaims(_ found: [UnusedClaim]) -> [UnusedClaim] {
    let before = unusedClaims
    unusedClaims = [:]
    return found.filter { claim in
      let looks = before[claim.pod].map { $0.cgroup == claim.cgroup.id ? $0.looks + 1 : 1 } ?? 1
      if looks < Self.unusedLooks { unusedClaims[claim.pod] = (claim.cgroup.id, looks) }
      return looks >= Self.unusedLooks
    }
  }

  /// Asks the kernel again: since the look, the pod may have got another sandbox, or the sandbox a process.
  func endClaim(_ claim: UnusedClaim) throws(BackendError) { try endClaim(of: claim.cgroup, in: claim.pod) }

  private func endClaim(of cgroup: Cgroup, in pod: CgroupID) throws(BackendError) {
    guard var known = try kernel.sandbox(pod), known.cgroup == cgroup.id, known.bound == nil else { return }
    known.firstChild = .awaited
    try kernel.replaceSandbox(pod, known)
    if (try? cgroup.isEmpty()) != false { return }
    // A process came meanwhile.
    known.firstChild = .cgroup(cgroup.id)
    try kernel.replaceSandbox(pod, known)
  }

  /// The runtime has removed a sandbox. The gate stays until the pod's cgroup is gone, or until nothing is in the
  /// cgroup.
  mutating func forgetSandbox(_ sandbox: String) {
    guard let id = podOfSandbox.removeValue(forKey: sandbox) else { return }
    gates[id]?.sandboxes.remove(sandbox)
  }

  /// Opens the gate of a pod that needs none, or no longer needs one.
  mutating func openGate(_ pod: Cgroup) throws(BackendError) {
    try removeFormerGate(pod.id)
    guard try kernel.gate(pod.id) != nil else { return }
    // Under the node gate, a pod without an entry is closed.
    if try kernel.nodeGateIsClosed() { return try free(pod) }
    try kernel.removeGate(pod.id)
    forget(pod.id)
  }

  /// - Parameter gate: a gate that `isOver`.
  mutating func removeGate(_ gate: Gate) throws(BackendError) {
    // The runtime may have reported another sandbox of the pod meanwhile.
    guard let present = gates[gate.cgroup.id], present.sandboxes.isEmpty || gate.cgroup.isGone else { return }
    // Under the node gate, the gate ends with the pod's cgroup.
    if try !kernel.nodeGateIsClosed() || gate.cgroup.isGone { try kernel.removeGate(gate.cgroup.id) }
    forget(gate.cgroup.id)
  }

  /// Whether a container's cgroup lies in the cgroup of a pod that has a gate.
  func isBehindGate(_ cgroup: Cgroup) throws(BackendError) -> Bool {
    guard let pod = try? Cgroup(directory: Files.folder(of: cgroup.directory)) else { return false }
    return try kernel.gate(pod.id) == .closed
  }

  /// Gates were entries of the containers' map before they had a map of their own.
  private func removeFormerGate(_ podID: CgroupID) throws(BackendError) {
    if try kernel.container(podID)?.state == .gate { try kernel.remove(podID) }
  }
}

/// A sandbox that has a cgroup in which no process has begun.
struct UnusedClaim: Sendable {
  let pod: CgroupID
  let cgroup: Cgroup

  static func all(
    of kernel: any EnforcementBackend, root: String, _ watch: CgroupWatch
  ) throws(BackendError) -> [UnusedClaim] {
    let inUse = watch.knownInUse
    return try kernel.sandboxes().compactMap { pod, known in
      guard known.bound == nil, let id = known.cgroup, !inUse.contains(id),
        let cgroup = try? Cgroup.find(id, in: root), !watch.isInUse(cgroup)
      else { return nil }
      return UnusedClaim(pod: pod, cgroup: cgroup)
    }
  }
}

extension ConfinementTable.Gate {
  /// Whether the pod is gone, or has neither a sandbox nor a process.
  var isOver: Bool {
    if cgroup.isGone { return true }
    return sandboxes.isEmpty && (try? cgroup.isEmpty()) == true
  }
}
