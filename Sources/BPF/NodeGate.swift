import CBPF
import CStockade
import Glibc
import System

/// The node gate in the kernel. It names the cgroups in which pods are made, and the gates of those pods are closed
/// from their first moment on. All of it is in pinned maps, so the node gate holds, and can be opened, while no
/// Stockade runs.
package final class NodeGate: Sendable {
  private let parentPaths: MapAccess<stockade_cgroup_path, UInt32>
  private let exemptions: MapAccess<stockade_pod_uid, UInt32>
  private let control: MapAccess<UInt32, UInt64>
  private let containers: MapAccess<CgroupID, stockade_container>
  private let recordMap: MapAccess<UInt32, stockade_gate_record>
  package let gates: PodGates
  private let folder: String
  private let entering: PodGates.Entering

  /// Each of these maps is a pin beside the pins of the programs that use it.
  private static let maps = [
    "gate_parents", "gate_exempt", "gate_control", "gate_records", "gates", "sandboxes", "containers",
  ]

  /// - Parameters:
  ///   - folder: the folder of the pins.
  ///   - entering: runs a write that makes the gate hold a process back.
  init(
    in folder: String, _ descriptor: (String) throws(BPFError) -> FileDescriptor,
    entering: @escaping PodGates.Entering = { (write) throws(BPFError) in try write() }
  ) throws(BPFError) {
    (self.folder, self.entering) = (folder, entering)
    parentPaths = MapAccess(name: "gate_parents", descriptor: try descriptor("gate_parents"))
    exemptions = MapAccess(name: "gate_exempt", descriptor: try descriptor("gate_exempt"))
    control = MapAccess(name: "gate_control", descriptor: try descriptor("gate_control"))
    containers = MapAccess(name: "containers", descriptor: try descriptor("containers"))
    recordMap = MapAccess(name: "gate_records", descriptor: try descriptor("gate_records"))
    gates = PodGates(
      gates: MapAccess(name: "gates", descriptor: try descriptor("gates")),
      sandboxes: MapAccess(name: "sandboxes", descriptor: try descriptor("sandboxes")), entering: entering)
  }

  /// Opens the node gate that is pinned in a folder, with or without a running Stockade.
  ///
  /// - Returns: nil: nothing of a node gate is pinned.
  package static func pinned(in folder: String) throws(BPFError) -> NodeGate? {
    guard maps.allSatisfy({ Files.exists("\(folder)/\($0)") }), Files.exists("\(folder)/links/pods_mkdir") else {
      return nil
    }
    try FormerPins.checkLayout(of: folder)
    let shared = SharedMaps(folder: folder)
    return try NodeGate(
      in: folder,
      { (name) throws(BPFError) in
        guard let map = try shared.descriptor(name) else { throw .missing(object: "pods", what: "map \(name)") }
        return map
      })
  }

  /// Whether the program that holds processes back is pinned as well. At each tier this program is pinned last. A
  /// Stockade that starts may have pinned only the other programs so far.
  package static func isJudged(in folder: String) -> Bool { Files.exists("\(folder)/links/\(ExecReturns.skipped)") }

  /// Whether the Stockade that pinned the node gate has found that a program can get past it.
  package static func canBePassed(in folder: String) -> Bool { Files.exists(passedMarker(folder)) }

  /// The marker is a folder beside the pins, because nothing else there can tell this.
  static func passedMarker(_ folder: String) -> String { "\(folder)/execs_can_pass" }

  /// Whether the node gate is closed for good. An opening for a time does not change that. Also true if the gate is
  /// closed in part, because a closing or an opening was cut short: a closing writes the paths first, and an opening
  /// takes the last of them away at its end.
  package var isClosed: Bool {
    get throws(BPFError) { try !parentPaths.isEmpty(zero: stockade_cgroup_path()) }
  }

  /// Stands among the parents' paths while an opening takes away what is left of the parents. No cgroup has this path,
  /// because each of their paths begins with a slash.
  private static let beingOpened = "being opened"

  /// Whether an opening goes on, or was cut short.
  package var isBeingOpened: Bool {
    get throws(BPFError) { try parentPaths.value(cgroupPath(Self.beingOpened), zero: 0) != nil }
  }

  /// Paths of the cgroups in which pods are made.
  package func parents() throws(BPFError) -> [String] {
    try parentPaths.keys(zero: stockade_cgroup_path()).map { text($0.text) }.filter { $0 != Self.beingOpened }.sorted()
  }

  /// UIDs of pods that are never held back.
  package func exempt() throws(BPFError) -> [String] {
    try exemptions.keys(zero: stockade_pod_uid()).map { text($0.text) }.sorted()
  }

  /// Names the cgroups in which pods are made, and the pods that are never held back. These names replace the earlier
  /// ones. Pods that are made from now on are gated. `enter` is for the pods that exist already.
  package func name(parents: [String], exempt: [String]) throws(BPFError) {
    try entering { () throws(BPFError) in
      for uid in exempt { try exemptions.set(podUID(uid), 1) }
      for path in parents { try parentPaths.set(cgroupPath(path), 1) }
    }
    for key in try parentPaths.keys(zero: stockade_cgroup_path()) where !parents.contains(text(key.text)) {
      try parentPaths.remove(key)
    }
    for key in try exemptions.keys(zero: stockade_pod_uid()) where !exempt.contains(text(key.text)) {
      try exemptions.remove(key)
    }
  }

  /// Takes all names back. Pods that are made from now on have only the daemon's gates. What is in the tables stays.
  ///
  /// - Parameter removeParents: takes the parents out of the table of gates. The node gate counts as closed until then.
  package func forgetParents(_ removeParents: () throws(BPFError) -> Void) throws(BPFError) {
    let paths = try parents().map(cgroupPath)
    // The table may be full, and must not be empty.
    for path in paths.dropFirst() { try parentPaths.remove(path) }
    try parentPaths.set(cgroupPath(Self.beingOpened), 1)
    if let last = paths.first { try parentPaths.remove(last) }
    for key in try exemptions.keys(zero: stockade_pod_uid()) { try exemptions.remove(key) }
    try removeParents()
    try parentPaths.remove(cgroupPath(Self.beingOpened))
  }

  /// A static pod's UID is a sum of its file, in hexadecimal digits, unless the file names another UID.
  private static func isStaticPod(_ uid: String) -> Bool {
    uid.utf8.count == Int(STOCKADE_STATIC_POD_UID_BYTES) && !uid.contains("-")
  }

  /// Whether a pod is never held back.
  package func isExempt(_ uid: String) throws(BPFError) -> Bool {
    // A longer UID would be cut off, and then taken for another one.
    guard uid.utf8.count < STOCKADE_POD_UID_MAX_BYTES else { return false }
    if try exemptions.value(podUID(uid), zero: 0) != nil { return true }
    guard Self.isStaticPod(uid) else { return false }
    return try exemptions.value(podUID(STOCKADE_EVERY_STATIC_POD), zero: 0) != nil
  }

  /// The time until which no gate holds anything back: nanoseconds since 1970; nil: the gates hold.
  package func openUntilNanoseconds() throws(BPFError) -> Int64? {
    let until = Int64(clamping: try value(STOCKADE_GATES_OPEN_UNTIL)), now = Timestamp.now(CLOCK_BOOTTIME)
    return until > now ? Timestamp.now(CLOCK_REALTIME) + (until - now) : nil
  }

  /// How many programs ran although a gate would have held them back.
  package func letThrough() throws(BPFError) -> UInt64 { try value(STOCKADE_GATES_LET_THROUGH) }

  /// - Parameter nanoseconds: CLOCK_BOOTTIME; 0: the gates hold at once.
  package func open(until nanoseconds: UInt64) throws(BPFError) {
    try control.set(STOCKADE_GATES_OPEN_UNTIL.rawValue, nanoseconds)
  }

  private func value(_ key: stockade_gate_control) throws(BPFError) -> UInt64 {
    try control.value(key.rawValue, zero: 0) ?? 0
  }

  /// Lets a container run on without a policy. A container that already has an entry keeps it.
  package func letThrough(_ cgroupID: CgroupID) throws(BPFError) {
    try containers.add(
      cgroupID, ContainerEntry(cgroupID: cgroupID, revision: nil, state: .open).row(hasFileRules: true))
  }

  // MARK: Records

  package enum Act: Hashable, CaseIterable, Sendable {
    case closed
    /// The gate was opened for good.
    case opened
    case openedFor
    /// One pod was freed.
    case freed
    /// The number of an act that this version does not know.
    case unknown(UInt32)

    /// The acts that this version knows.
    package static let allCases: [Act] = [.closed, .opened, .openedFor, .freed]
  }

  /// What somebody did to the gate.
  package struct Record: Equatable, Sendable {
    package var timeNanoseconds: Int64
    package var act: Act
    /// Only for an opening for a time.
    package var untilNanoseconds: Int64
    /// The user who logged in: loginuid of audit(7); nil: nobody did.
    package var user: UInt32?
    /// Path of the freed pod's cgroup; empty for other acts.
    package var pod: String
    package var reason: String

    package init(
      timeNanoseconds: Int64, act: Act, untilNanoseconds: Int64 = 0, user: UInt32?, pod: String = "",
      reason: String
    ) {
      (self.timeNanoseconds, self.act, self.untilNanoseconds) = (timeNanoseconds, act, untilNanoseconds)
      (self.user, self.pod, self.reason) = (user, pod, reason)
    }
  }

  /// Keeps a record until the daemon comes and takes it.
  package func keep(_ record: Record) throws(BPFError) {
    // Commands and the daemon may keep records at the same moment. Of two records with the same number, one would be
    // lost.
    let turn: FolderLock
    do {
      turn = try FolderLock(on: "\(folder)/links")
      try turn.takeAlone()
    } catch { throw .system(error) }
    try withExtendedLifetime(turn) { () throws(BPFError) in try write(record) }
  }

  private func write(_ record: Record) throws(BPFError) {
    let number = try value(STOCKADE_GATES_RECORDED)
    var value = stockade_gate_record()
    value.time_ns = record.timeNanoseconds
    value.until_ns = record.untilNanoseconds
    value.act = record.act.number
    value.user = record.user ?? .max
    fill(&value.pod, record.pod)
    fill(&value.reason, record.reason)
    try recordMap.set(Self.place(of: number), value)
    try control.set(STOCKADE_GATES_RECORDED.rawValue, number + 1)
  }

  private static let recordsMax = UInt64(STOCKADE_GATE_RECORDS)
  private static func place(of number: UInt64) -> UInt32 { UInt32(number % recordsMax) }

  /// Returns the records that were not told yet, the oldest first, and how many records were lost before them. From now
  /// on these records count as told.
  package func takeRecords() throws(BPFError) -> (records: [Record], lost: UInt64) {
    let (recorded, told) = (try value(STOCKADE_GATES_RECORDED), try value(STOCKADE_GATES_TOLD))
    guard told < recorded else { return ([], 0) }
    let first = max(told, recorded > Self.recordsMax ? recorded - Self.recordsMax : 0)
    var found: [Record] = []
    for number in first..<recorded {
      let value = try recordMap.value(Self.place(of: number), zero: stockade_gate_record())
      if let value { found.append(Record(value)) }
    }
    try control.set(STOCKADE_GATES_TOLD.rawValue, recorded)
    return (found, first - told)
  }
}

extension NodeGate.Act {
  fileprivate init(_ number: UInt32) { self = Self.allCases.first { $0.number == number } ?? .unknown(number) }

  fileprivate var number: UInt32 {
    switch self {
    case .closed: STOCKADE_ACT_CLOSED.rawValue
    case .opened: STOCKADE_ACT_OPENED.rawValue
    case .openedFor: STOCKADE_ACT_OPENED_FOR.rawValue
    case .freed: STOCKADE_ACT_FREED.rawValue
    case .unknown(let number): number
    }
  }
}

extension NodeGate.Record {
  fileprivate init(_ value: stockade_gate_record) {
    self.init(
      timeNanoseconds: value.time_ns, act: NodeGate.Act(value.act), untilNanoseconds: value.until_ns,
      user: value.user == .max ? nil : value.user, pod: text(value.pod), reason: text(value.reason))
  }
}

private func cgroupPath(_ path: String) -> stockade_cgroup_path {
  var key = stockade_cgroup_path()
  fill(&key.text, path)
  return key
}

private func podUID(_ uid: String) -> stockade_pod_uid {
  var key = stockade_pod_uid()
  fill(&key.text, uid)
  return key
}

/// Writes a text into a C array, with at least one NUL behind it. A longer text is cut off.
private func fill<Bytes>(_ bytes: inout Bytes, _ text: String) {
  withUnsafeMutableBytes(of: &bytes) { bytes in bytes.copyBytes(from: text.utf8.prefix(bytes.count - 1)) }
}

private func text<Bytes>(_ bytes: Bytes) -> String {
  withUnsafeBytes(of: bytes) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
