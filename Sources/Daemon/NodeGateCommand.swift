import BPF
import Enforcement
import Events
import Glibc
import Logging
import Policy
import System

/// What an administrator does to the gates of a node, with or without a running Stockade.
package struct NodeGateCommand {
  package enum Problem: Error, CustomStringConvertible {
    case refused(String)
    package var description: String {
      switch self {
      case .refused(let text): text
      }
    }
  }

  private let gate: NodeGate
  private let root: String
  /// One command at a time changes gates.
  private let turn: FolderLock

  /// Held by a command that closes. A Stockade that ends takes nothing away meanwhile.
  private let use: FolderLock?

  private init(_ gate: NodeGate, root: String, use: FolderLock? = nil) throws {
    (self.gate, self.root, self.use) = (gate, root, use)
    turn = try FolderLock(on: ConfinedNode.pinFolder)
    try turn.takeAlone()
  }

  /// The gates that are pinned.
  package static func pinned() throws -> NodeGateCommand {
    try checkRoot()
    guard let gate = try NodeGate.pinned(in: ConfinedNode.pinFolder), let root = try CgroupHierarchy.current().root
    else {
      throw Problem.refused("no gates are there: nothing of stockade is pinned below \(ConfinedNode.pinFolder)")
    }
    return try NodeGateCommand(gate, root: root)
  }

  static func checkRoot() throws {
    guard geteuid() == 0 else { throw Problem.refused("it needs root: the gates are below \(ConfinedNode.pinFolder)") }
  }

  // MARK: Closing

  /// How long to wait for a Stockade that has just begun: it loads what holds programs back.
  private static let patienceMilliseconds = 10_000
  private static let retryMilliseconds = 100

  /// Closes the node gate as the configuration wants it. If no Stockade runs, as at boot, this loads what holds
  /// programs back, proves it and leaves it there, in place of what an earlier process may have pinned.
  ///
  /// - Parameter runtimeProblem: why the node's runtime cannot live with the node gate; nil: it can.
  package static func close(
    configurationFile: String, runtimeProblem: () -> String?
  ) throws -> (outcome: NodeGateClosing.Outcome, parents: [String]) {
    try checkRoot()
    let bytes = try Files.read(configurationFile, limit: 1 << 20)
    let wanted = try NodeConfiguration.parse(bytes, file: configurationFile).nodeGate
    guard wanted.enabled else {
      throw Problem.refused("\(configurationFile) does not ask for it; write nodeGate: {enabled: true}")
    }
    if let problem = NodeGateClosing.namespaceProblem ?? runtimeProblem() { throw Problem.refused(problem) }
    // Whatever comes of the rest, an opening for a time ends here.
    if let gate = try NodeGate.pinned(in: ConfinedNode.pinFolder), try gate.isClosed { try gate.open(until: 0) }
    if let command = try besideStockade() { return (try command.close(wanted), wanted.parents) }
    return (try closeFirst(wanted), wanted.parents)
  }

  /// - Returns: nil: no Stockade runs.
  private static func besideStockade() throws -> NodeGateCommand? {
    // If a Stockade is taking everything away, this waits until that is done.
    let use = try PolicyMaps.use(ConfinedNode.pinFolder)
    for _ in 0..<patienceMilliseconds / retryMilliseconds {
      guard try InstanceLock.isHeld() else { return nil }
      if NodeGate.isJudged(in: ConfinedNode.pinFolder), let gate = try NodeGate.pinned(in: ConfinedNode.pinFolder) {
        guard !NodeGate.canBePassed(in: ConfinedNode.pinFolder) else {
          throw Problem.refused("a program can get past the Stockade that runs; stockade doctor says how")
        }
        guard let root = try CgroupHierarchy.current().root else { throw Problem.refused(CgroupHierarchy.noneText) }
        return try NodeGateCommand(gate, root: root, use: use)
      }
      usleep(UInt32(retryMilliseconds * 1000))
    }
    throw Problem.refused("the Stockade that runs has loaded nothing that holds a program back; its log says why")
  }

  /// The runtime's processes are in the first mount namespace, or will be. Otherwise what starts sandboxes tells which
  /// processes are the runtime's. A Stockade that comes takes over what is loaded here.
  private static func closeFirst(_ wanted: NodeConfiguration.NodeGate) throws -> NodeGateClosing.Outcome {
    let hierarchy = try CgroupHierarchy.current()
    guard let root = hierarchy.root else { throw Problem.refused(CgroupHierarchy.noneText) }
    // In a container of the node this file may be out of sight.
    let first = try (try? Files.status("/proc/1/ns/mnt")) ?? Files.status("/proc/self/ns/mnt")
    let kernel = try BPFBackend(
      pinFolder: ConfinedNode.pinFolder, runtimeMountNamespace: UInt64(first.st_ino), hierarchy: hierarchy)
    do {
      if let problem = NodeGateClosing.problem(kernel.claim) { throw Problem.refused(problem) }
      return try NodeGateCommand(kernel.nodeGate, root: root).close(wanted)
    } catch {
      // An older Stockade may have left containers that are bound.
      let enforcer = Enforcer(
        kernel: kernel, hierarchy: hierarchy, runtimeMountNamespace: UInt64(first.st_ino))
      _ = try? enforcer.removeIfUnused()
      throw error
    }
  }

  private func close(_ wanted: NodeConfiguration.NodeGate) throws -> NodeGateClosing.Outcome {
    let outcome = try NodeGateClosing(gate, root: root).close(wanted)
    try gate.open(until: 0)
    try keep(.now(.closed, "stockade gate close"))
    return outcome
  }

  // MARK: Break-glass

  package static let longestOpeningSeconds = 24 * 60 * 60

  /// - Parameter text: a number and a unit: `10m`.
  /// - Returns: nil: the text is no such time, or the time is longer than an opening may be.
  package static func openingSeconds(_ text: String) -> Int? {
    let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600]
    let digits = text.dropLast()
    guard let unit = text.last.flatMap({ units[$0] }),
      digits.utf8.allSatisfy((UInt8(ascii: "0")...UInt8(ascii: "9")).contains),
      let number = Int(digits), number > 0, number <= longestOpeningSeconds / unit
    else { return nil }
    return number * unit
  }

  /// Lets every program of the node run for a time. The kernel ends that time.
  ///
  /// - Returns: the end of the time: nanoseconds since 1970.
  package func open(seconds: Int, reason: String) throws -> Int64 {
    let length = Int64(seconds) * 1_000_000_000
    let until = Timestamp.now(CLOCK_REALTIME) + length
    // The record is kept first: nothing is opened without somebody being able to learn of it.
    try keep(.now(.openedFor, reason, untilNanoseconds: until))
    try gate.open(until: UInt64(Timestamp.now(CLOCK_BOOTTIME) + length))
    return until
  }

  /// Lets every program of one pod run. This lasts as long as the pod is there, or until a Stockade knows that the pod
  /// needs a gate.
  ///
  /// - Parameter pod: its UID, or the path of its cgroup.
  /// - Returns: the path of its cgroup.
  package func free(_ pod: String, reason: String) throws -> String {
    let cgroup = try find(pod)
    let path = String(cgroup.directory.dropFirst(root.count))
    try keep(.now(.freed, reason, pod: path))
    try gate.gates.set(cgroup.id, .free)
    return path
  }

  private func find(_ pod: String) throws -> Cgroup {
    let found = try pods().filter { pod.hasPrefix("/") ? $0.path == pod : PodCgroupName.uid(in: $0.path) == pod }
    guard let first = found.first, let cgroup = try? Cgroup(directory: root + first.path) else {
      throw Problem.refused(
        "no pod with a gate is \(pod); give its UID (kubectl get pod -o jsonpath={.metadata.uid}; of a static pod its "
          + "annotation kubernetes.io/config.hash), or the path of its cgroup, as stockade gate status shows it")
    }
    return cgroup
  }

  private func keep(_ record: NodeGate.Record) throws {
    try gate.keep(record)
    Audit.tell(GateRecord(record).summary, user: record.user)
  }

  // MARK: Status

  package struct Pod: Equatable, Sendable {
    package var path: String
    package var isFree: Bool
    /// How many execs the pod's gate has refused.
    package var refused: UInt32
  }

  package struct Status: Equatable, Sendable {
    /// The parents of the node gate; empty: the node gate is open.
    package var parents: [String]
    /// Whether no closing and no opening was cut short.
    package var isWhole: Bool
    /// The time until which all gates are open: nanoseconds since 1970; nil: they hold.
    package var openUntilNanoseconds: Int64?
    /// How many programs ran since boot that a gate would have held back.
    package var letThrough: UInt64
    package var pods: [Pod]
  }

  package func status() throws -> Status {
    Status(
      parents: try gate.parents(), isWhole: try NodeGateClosing(gate, root: root).isWhole,
      openUntilNanoseconds: try gate.openUntilNanoseconds(), letThrough: try gate.letThrough(), pods: try pods())
  }

  private func pods() throws -> [Pod] {
    var pods: [Pod] = []
    for (id, state) in try gate.gates.all() where !state.isParent {
      guard let cgroup = try Cgroup.find(id, in: root) else { continue }
      pods.append(
        Pod(
          path: String(cgroup.directory.dropFirst(root.count)), isFree: state == .free,
          refused: try gate.gates.sandbox(id)?.refused ?? 0))
    }
    return pods.sorted { $0.path < $1.path }
  }
}
