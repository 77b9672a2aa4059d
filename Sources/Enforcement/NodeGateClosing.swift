import BPF
import Glibc
import Policy
import System

/// Closes and opens the node gate, also on a node that already has pods.
package struct NodeGateClosing {
  private let gate: NodeGate
  private let root: String

  /// - Parameter root: the mount point of the hierarchy that containers are found in.
  package init(_ gate: NodeGate, root: String) { (self.gate, self.root) = (gate, root) }

  /// What closing found.
  package struct Outcome: Equatable, Sendable {
    /// Paths of the cgroups of pods that existed already. Their containers run on.
    package var entered: [String] = []
    /// Those of the `entered` pods that are never held back.
    package var exempt: [String] = []
  }

  /// Why the gate cannot be claimed here; nil: it can.
  package static func problem(_ claim: TierClaim) -> String? {
    if claim.tier < .signal { return "this node has tier none, by which no program is held back: \(claim.reason)" }
    if let problem = claim.execProblem { return "a program can get past tier signal here: \(problem)" }
    return namespaceProblem
  }

  /// Why this process cannot name cgroups; nil: it can name them.
  package static var namespaceProblem: String? {
    // Cgroups are named by the paths that the kernel sees. In a cgroup namespace of its own this process would see
    // other paths. namespaces(7): the number of the first namespace is fixed.
    let namespace = try? Files.status("/proc/self/ns/cgroup").st_ino
    return namespace == 0xefff_fffb
      ? nil : "stockade runs in a cgroup namespace of its own; run it as a service of the node"
  }

  /// Closes the node gate. Pods that exist already are entered as they are, and what runs in them goes on. The kernel
  /// itself enters pods that are made meanwhile. If the gate is closed already, its parents are renewed.
  ///
  /// - Throws: If the gate was open before, it is opened again before the error. Otherwise it is closed as before, and
  ///   maybe in more cgroups.
  package func close(_ wanted: NodeConfiguration.NodeGate) throws(EnforcementError) -> Outcome {
    var (outcome, wasOpen, remains) = (Outcome(), false, "")
    do {
      try checkParents(newParents(wanted.parents, try gate.gates.all()), wanted)
      wasOpen = try !gate.isClosed
      remains = "; it is closed as before, or in more cgroups"
      try close(wanted, &outcome)
    } catch { throw .nodeGate("cannot close the node gate: \(error)" + (wasOpen ? openAgain(outcome) : remains)) }
    return outcome
  }

  private func close(_ wanted: NodeConfiguration.NodeGate, _ outcome: inout Outcome) throws(BPFError) {
    try gate.name(parents: wanted.parents, exempt: wanted.exemptStaticPods)
    // A parent that was made before its path was named exists now, so this loop finds it. The kernel knows the other
    // parents.
    for parent in newParents(wanted.parents, try gate.gates.all()) {
      try gate.gates.setParent(parent.id, .newParent)
      for pod in parent.children where !wanted.parents.contains(path(of: pod)) {
        try enter(pod, wanted, &outcome)
      }
      try gate.gates.setParent(parent.id, .parent)
    }
    // A parent whose path cannot be found stays.
    try removeParents { path in path.map { !wanted.parents.contains($0) } ?? false }
  }

  /// - Returns: a text for the error: what could not be taken back after a closing that failed. Empty: everything was.
  private func openAgain(_ outcome: Outcome) -> String {
    do {
      try open()
      for path in outcome.entered {
        if let pod = try? Cgroup(directory: root + path) { try gate.gates.remove(pod.id) }
      }
      return ""
    } catch { return "; it is closed in part, and cannot be opened again: \(error)" }
  }

  /// Whether the gate is already closed as the configuration wants it. False if a process was ended while it closed the
  /// gate.
  package func isDone(_ wanted: NodeConfiguration.NodeGate) throws(BPFError) -> Bool {
    guard try gate.isClosed, try gate.parents() == wanted.parents.sorted(),
      try gate.exempt() == wanted.exemptStaticPods.sorted()
    else { return false }
    return try isWhole
  }

  /// Whether no closing and no opening was cut short. Then exactly the cgroups that are named are gated.
  package var isWhole: Bool {
    get throws(BPFError) {
      let named = try gate.parents(), states = try gate.gates.all()
      guard newParents(named, states).isEmpty, try !gate.isBeingOpened else { return false }
      return !states.contains { id, state in state.isParent && path(of: id).map { !named.contains($0) } ?? false }
    }
  }

  /// The parents whose pods are not gated yet. In the other parents, whatever is not in the table was refused, and
  /// stays refused.
  private func newParents(_ paths: [String], _ states: [CgroupID: GateState]) -> [Cgroup] {
    paths.compactMap { try? Cgroup(directory: root + $0) }.filter { states[$0.id] != .parent }
  }

  /// nil: the cgroup is gone, or its path cannot be found.
  private func path(of id: CgroupID) -> String? {
    (try? Cgroup.find(id, in: root)).map(path)
  }

  private func path(of cgroup: Cgroup) -> String { String(cgroup.directory.dropFirst(root.count)) }

  /// Opens the node gate for good. Gates that the daemon has closed stay.
  package func open() throws(BPFError) {
    // If the opening is cut short, the gate is still closed. The second pass removes the parents that were made
    // meanwhile.
    try removeParents { _ in true }
    try gate.forgetParents { () throws(BPFError) in try removeParents { _ in true } }
  }

  /// - Parameter isFormer: decides by the parent's path.
  private func removeParents(where isFormer: (String?) -> Bool) throws(BPFError) {
    for (id, state) in try gate.gates.all() where state.isParent && isFormer(path(of: id)) {
      try gate.gates.remove(id)
    }
  }

  private func enter(
    _ pod: Cgroup, _ wanted: NodeConfiguration.NodeGate, _ outcome: inout Outcome
  ) throws(BPFError) {
    if try gate.gates.state(pod.id) != nil { return }
    let uid = PodCgroupName.uid(in: pod.directory) ?? ""
    let path = path(of: pod)
    outcome.entered.append(path)
    if try gate.isExempt(uid) {
      outcome.exempt.append(path)
      return try gate.gates.set(pod.id, .free)
    }
    let there = pod.children
    for container in there { try gate.letThrough(container.id) }
    try gate.gates.set(pod.id, .closed, sandbox: SandboxEntry(in: there))
    // Cgroups may have been made meanwhile.
    let later = pod.children
    if there.isEmpty {
      guard let known = try gate.gates.sandbox(pod.id), !known.explains(later) else { return }
      try gate.gates.replace(pod.id, SandboxEntry(in: later))
    }
    for container in later { try gate.letThrough(container.id) }
  }

  /// Throws if a cgroup in a parent is neither a pod's nor named as a parent. Such a cgroup is a parent that the
  /// configuration forgot: its pods would be taken for containers.
  private func checkParents(_ new: [Cgroup], _ wanted: NodeConfiguration.NodeGate) throws(BPFError) {
    for parent in new {
      for child in parent.children {
        let inner = path(of: child)
        if PodCgroupName.uid(in: inner) == nil, !wanted.parents.contains(inner) {
          throw .unavailable("\(inner) is no pod's cgroup; name it among nodeGate.parents")
        }
      }
    }
  }
}

extension SandboxEntry {
  /// The entry of a pod that is older than its gate. If nothing is in the pod, the next cgroup that is made there
  /// belongs to the sandbox. Otherwise the sandbox's cgroup is not known until a process has been in the pod and none
  /// is left.
  init(in children: [Cgroup]) { self.init(firstChild: children.isEmpty ? .awaited : .unknown) }

  /// Whether the kernel's programs have seen everything that was made in a pod that was empty.
  func explains(_ children: [Cgroup]) -> Bool { children.isEmpty || children.map(\.id) == [cgroup] }
}

/// The names that the kubelet gives to the cgroups of pods.
package enum PodCgroupName {
  /// The UID in `podUID`, or in `kubepods-burstable-podUID.slice` with `_` for `-`. nil: the path is no pod's.
  package static func uid(in path: String) -> String? {
    var name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    if let dot = name.firstIndex(of: ".") { name = name[..<dot] }
    if name.hasPrefix("pod") { return uid(behind: name.dropFirst(3)) }
    // If several parts match, the first one counts, as for the kernel's programs.
    var rest = name
    while let dash = rest.firstIndex(of: "-") {
      rest = rest[rest.index(after: dash)...]
      if rest.hasPrefix("pod") { return uid(behind: rest.dropFirst(3)) }
    }
    return nil
  }

  private static func uid(behind text: Substring) -> String? {
    text.isEmpty ? nil : String(text.map { $0 == "_" ? "-" : $0 })
  }
}

extension NodeGate.Record {
  /// An act that is done now, by the user who is logged in. audit(7).
  package static func now(
    _ act: NodeGate.Act, _ reason: String, untilNanoseconds: Int64 = 0, pod: String = ""
  ) -> NodeGate.Record {
    NodeGate.Record(
      timeNanoseconds: Timestamp.now(CLOCK_REALTIME), act: act, untilNanoseconds: untilNanoseconds, user: loginUser,
      pod: pod, reason: reason)
  }

  /// The user who is logged in where this process was started; nil: nobody is.
  package static var loginUser: UInt32? { try? LoginUser.ofProcess("/proc/self") }
}
