import BPF
import Glibc
import Policy
import System

/// Closes the node gate on a node where pods may be there already, and opens it.
package struct NodeGateClosing {
  private let gate: NodeGate
  private let root: String

  /// - Parameter root: the mount point of the hierarchy that containers are found in.
  package init(_ gate: NodeGate, root: String) { (self.gate, self.root) = (gate, root) }

  /// What closing found.
  package struct Outcome: Equatable, Sendable {
    /// Paths of the cgroups of pods that were there. Their containers run on.
    package var entered: [String] = []
    /// Of those the ones that are never held back.
    package var exempt: [String] = []
  }

  /// Why the gate cannot be claimed here; nil: it can.
  package static func problem(_ claim: TierClaim) -> String? {
    if claim.tier < .signal { return "this node has tier none, by which no program is held back: \(claim.reason)" }
    if let problem = claim.execProblem { return "a program can get past tier signal here: \(problem)" }
    return namespaceProblem
  }

  /// Why this process cannot name cgroups; nil: it can.
  package static var namespaceProblem: String? {
    // By the paths that the kernel sees; ours would be others. namespaces(7): the number of the first one is fixed.
    let namespace = try? Files.status("/proc/self/ns/cgroup").st_ino
    return namespace == 0xefff_fffb
      ? nil : "stockade runs in a cgroup namespace of its own; run it as a service of the node"
  }

  /// Pods that are there are entered as they are: what runs in them goes on. Pods that are made meanwhile are entered
  /// by the kernel. Closing what is closed renews the parents.
  ///
  /// - Throws: where it was open, after it was opened again; else it is closed as before, and maybe more.
  package func close(_ wanted: NodeConfiguration.NodeGate) throws(EnforcementError) -> Outcome {
    var (outcome, wasOpen, remains) = (Outcome(), false, "")
    do throws(BPFError) {
      try checkParents(newParents(wanted.parents, try gate.gates.all()), wanted)
      wasOpen = try !gate.isClosed
      remains = "; it is closed as before, or in more cgroups"
      try close(wanted, &outcome)
    } catch { throw .nodeGate("cannot close the node gate: \(error)" + (wasOpen ? openAgain(outcome) : remains)) }
    return outcome
  }

  private func close(_ wanted: NodeConfiguration.NodeGate, _ outcome: inout Outcome) throws(BPFError) {
    try gate.name(parents: wanted.parents, exempt: wanted.exemptStaticPods)
    // Those that were made before they were named are there now, and the kernel knows the others.
    for parent in newParents(wanted.parents, try gate.gates.all()) {
      try gate.gates.setParent(parent.id, .newParent)
      for pod in parent.children where !wanted.parents.contains(path(of: pod)) {
        try enter(pod, wanted, &outcome)
      }
      try gate.gates.setParent(parent.id, .parent)
    }
    // One whose path cannot be told stays.
    try removeParents { path in path.map { !wanted.parents.contains($0) } ?? false }
  }

  /// - Returns: for the error: what could not be taken back of a closing that failed; empty: nothing.
  private func openAgain(_ outcome: Outcome) -> String {
    do throws(BPFError) {
      try open()
      for path in outcome.entered {
        if let pod = try? Cgroup(directory: root + path) { try gate.gates.remove(pod.id) }
      }
      return ""
    } catch { return "; it is closed in part, and cannot be opened again: \(error)" }
  }

  /// Whether it is closed already as it is wanted, and nobody was ended while he closed it.
  package func isDone(_ wanted: NodeConfiguration.NodeGate) throws(BPFError) -> Bool {
    guard try gate.isClosed, try gate.parents() == wanted.parents.sorted(),
      try gate.exempt() == wanted.exemptStaticPods.sorted()
    else { return false }
    return try isWhole
  }

  /// Whether no closing and no opening was cut short: the cgroups that are named are gated, and no others.
  package var isWhole: Bool {
    get throws(BPFError) {
      let named = try gate.parents(), states = try gate.gates.all()
      guard newParents(named, states).isEmpty else { return false }
      return !states.contains { id, state in state.isParent && path(of: id).map { !named.contains($0) } ?? false }
    }
  }

  /// Those whose pods are not gated yet. In the others whatever is not in the table was refused, and stays so.
  private func newParents(_ paths: [String], _ states: [CgroupID: GateState]) -> [Cgroup] {
    paths.compactMap { try? Cgroup(directory: root + $0) }.filter { states[$0.id] != .parent }
  }

  /// nil: it is gone, or cannot be told.
  private func path(of id: CgroupID) -> String? {
    Cgroup(id: id, in: root).map(path)
  }

  private func path(of cgroup: Cgroup) -> String { String(cgroup.directory.dropFirst(root.count)) }

  /// For good. Gates that the daemon has closed stay.
  package func open() throws(BPFError) {
    // The names last: cut short, it is closed still. Then what was made meanwhile.
    try removeParents { _ in true }
    try gate.forgetParents()
    try removeParents { _ in true }
  }

  /// - Parameter isFormer: by its path.
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
    // What was made meanwhile.
    let later = pod.children
    if there.isEmpty {
      guard let known = try gate.gates.sandbox(pod.id), !known.explains(later) else { return }
      try gate.gates.replace(pod.id, SandboxEntry(in: later))
    }
    for container in later { try gate.letThrough(container.id) }
  }

  /// A cgroup in a parent that is no pod's is a parent that was forgotten: its pods would be taken for containers.
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
  /// Of a pod that is older than its gate. Where there is nothing in it, what is made next is its sandbox's; else that
  /// is not known until a process has been in it and none is left.
  init(in children: [Cgroup]) { self.init(firstChild: children.isEmpty ? .awaited : .unknown) }

  /// Whether the programs have seen all that was made in a pod that had nothing in it.
  func explains(_ children: [Cgroup]) -> Bool { children.isEmpty || children.map(\.id) == [cgroup] }
}

/// The names that the kubelet gives to the cgroups of pods.
package enum PodCgroupName {
  /// `podUID`, or `kubepods-burstable-podUID.slice` with `_` for `-`. nil: it is no pod's.
  package static func uid(in path: String) -> String? {
    var name = path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...]
    if let dot = name.firstIndex(of: ".") { name = name[..<dot] }
    if name.hasPrefix("pod") { return uid(behind: name.dropFirst(3)) }
    // Of several the first, as the kernel's programs look for it.
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
  /// Done now, by whoever is logged in. audit(7).
  package static func now(
    _ act: NodeGate.Act, _ reason: String, untilNanoseconds: Int64 = 0, pod: String = ""
  ) -> NodeGate.Record {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return NodeGate.Record(
      timeNanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec), act: act,
      untilNanoseconds: untilNanoseconds, user: loginUser, pod: pod, reason: reason)
  }

  /// Who is logged in where this process was started; nil: nobody.
  package static var loginUser: UInt32? {
    let user = (try? Files.text("/proc/self/loginuid")).flatMap { UInt32($0.filter(\.isNumber)) }
    return user == .max ? nil : user
  }
}
