import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The maps that say which process is bound by what, and the programs that follow tasks and judge execs. They are
/// loaded once, attached to the whole system, and pinned, so they go on without this process.
///
/// Pins in the folder: one file for each map, and `links/NAME` for each attached program. Kernel 6.1 and newer.
package final class PolicyMaps: Sendable {
  package let shared: SharedMaps
  let folder: String
  let users: PinUsers
  /// Held as long as this process lives. A process that ends takes no pins away that another process uses.
  let use: FolderLock
  let constants: [String: UInt64]
  /// nil: nothing was pinned, or the pins have this version's layout.
  let former: Mutex<FormerPins?>
  /// Whether there were pins of an earlier layout.
  package let tookOver: Bool
  let mark: BPFObject
  /// nil: the kernel never skips a program at a tracepoint; else how it can.
  package let tracepointProblem: String?
  let links: ProgramLinks
  let returns: ExecReturns
  let containersMap: MapAccess<CgroupID, stockade_container>
  let entrypoints: MapAccess<CgroupID, stockade_process>
  let strays: StrayTable
  package let nodeGate: NodeGate
  var gates: PodGates { nodeGate.gates }
  let policies: MapAccess<Revision, stockade_policy>
  let rules: RevisionMap<stockade_path_key, stockade_path_rule>
  let arguments: RevisionMap<stockade_argument_key, stockade_argument>
  let rate: MapAccess<CgroupID, stockade_rate>
  package let recordings: Recordings
  let volumes: VolumeTable
  let files: FileLooks
  let hash: PathHash

  /// Loads and attaches the programs that follow tasks. Maps that an earlier process pinned are reused. Its programs
  /// are replaced without a gap. Before `judgeExecs`, this process's programs judge nothing.
  ///
  /// - Parameters:
  ///   - pinFolder: a folder on a bpf file system; it is made if it is missing.
  ///   - runtimeMountNamespace: inode number of the mount namespace of the runtime's own processes.
  ///   - cgroupV1: containers are known by their cgroups in the v1 hierarchy of the controller pids.
  ///   - makers: the `cgroup.procs` of a cgroup without a memory limit.
  package init(
    pinFolder: String, runtimeMountNamespace: UInt32, cgroupV1: Bool = false, makers: String? = nil
  ) throws(BPFError) {
    use = try Self.use(pinFolder)
    try Self.makePinFolder(pinFolder)
    let former = try FormerPins.setAside(in: pinFolder)
    self.former = Mutex(former)
    tookOver = former != nil
    folder = pinFolder
    users = try PinUsers(of: pinFolder)
    links = ProgramLinks(folder: "\(pinFolder)/links")
    returns = ExecReturns(links: links)
    shared = SharedMaps(folder: pinFolder, makers: makers)
    constants = ["runtime_mount_namespace": UInt64(runtimeMountNamespace), "cgroup_v1": cgroupV1 ? 1 : 0]
    let mark = try BPFObject(
      "mark", EmbeddedObjects.mark, constants: constants, shared: shared, isShared: Self.isShared)
    self.mark = mark
    containersMap = try Self.map("containers", shared)
    entrypoints = try Self.map("entrypoints", shared)
    strays = StrayTable(
      strays: try Self.descriptor("strays", shared), counts: try Self.descriptor("stray_counts", shared))
    let pods = try BPFObject(
      "pods", EmbeddedObjects.pods, constants: constants.filter { $0.key == "cgroup_v1" }, shared: shared,
      isShared: Self.isShared)
    nodeGate = try NodeGate(
      in: pinFolder, { [shared] (name) throws(BPFError) in try Self.descriptor(name, shared) },
      entering: { [returns] (write) throws(BPFError) in try returns.enter(write) })
    policies = try Self.map("policies", shared)
    rules = RevisionMap(try Self.map("path_rules", shared), zero: stockade_path_rule())
    arguments = RevisionMap(try Self.map("arguments", shared), zero: stockade_argument())
    rate = try Self.map("rate", shared)
    recordings = try Recordings(shared)
    volumes = try VolumeTable(Self.descriptor("volumes", shared), mark: mark)
    files = try FileLooks(mark: mark)
    hash = try PathHash(map: Self.descriptor(hashKeysMap, shared))
    tracepointProblem = try Preemption.current().tracepointProblem { () throws(BPFError) in
      try PreemptionTrial.run(mark)
    }
    if let former {
      try strays.addShares(containers: containersMap.keys(zero: CgroupID(0)), former: former.map("strays"))
    }
    let fork = tracepointProblem != nil && Self.canMarkUnderLock ? "mark_wakeup" : "mark_fork"
    for name in [fork, "mark_move", "mark_exit"] { try links.attach(name, of: mark) }
    for name in PodGates.programs { try links.attach(name, of: pods) }
    // From here on, the new programs see what happens too.
    if former != nil { while try !iterate("mark_taken_over").isEmpty {} }
  }

  /// Whether a mark can be made while the lock of a run queue is held. To find out, all types of the kernel are read,
  /// so this is asked only where it matters.
  private static var canMarkUnderLock: Bool {
    let allocators = ["kmalloc_nolock_noprof", "_kmalloc_nolock_noprof"]
    return allocators.contains { (name: String) in stockade_kernel_has(name) == 1 }
  }

  // MARK: Programs

  /// Programs that refuse calls before they are carried out.
  package enum Refusing: String, CaseIterable, Sendable {
    case lsm
    case fmodRet = "fmod_ret"

    var image: StaticString {
      switch self {
      case .lsm: EmbeddedObjects.lsm
      case .fmodRet: EmbeddedObjects.fmodRet
      }
    }
  }

  /// Loads and attaches programs that refuse. Whether they run must be proved: `probe`.
  package func refuse(by refusing: Refusing) throws(BPFError) {
    let object = try BPFObject(
      refusing.rawValue, refusing.image, constants: constants, shared: shared, isShared: Self.isShared)
    do {
      for name in object.programNames { try links.attach(name, of: object, pin: "\(refusing.rawValue)_\(name)") }
    } catch {
      try stopRefusing(by: refusing)
      throw error
    }
  }

  /// Detaches programs that refuse, also those of an earlier process.
  package func stopRefusing(by refusing: Refusing) throws(BPFError) {
    try links.detach { $0.hasPrefix("\(refusing.rawValue)_") }
  }

  /// Detaches the programs that an earlier process attached at another tier, or left half done.
  package func detachOthers() throws(BPFError) { try links.detachOthers() }

  /// Loads and attaches the programs that bind a task at its first exec and kill what may not run.
  ///
  /// - Parameter filesAreJudged: programs that refuse run too, and have already judged the files.
  package func judgeExecs(filesAreJudged: Bool) throws(BPFError) {
    let notes = filesAreJudged || tracepointProblem == nil ? STOCKADE_NOTES_OF_NONE : STOCKADE_NOTES_OF_CONTAINERS
    let exec = try object(
      ExecReturns.skipped, EmbeddedObjects.execSignal,
      ["files_are_judged": filesAreJudged ? 1 : 0, "exec_notes": UInt64(notes.rawValue)])
    try links.attach(ExecReturns.skipped, of: exec)
  }

  /// Loads the program that finds the execs for which the program of `judgeExecs` was skipped. From here on it is
  /// attached while there is a container or a gate.
  package func judgeReturns() throws(BPFError) {
    let object = try object(
      ExecReturns.program, EmbeddedObjects.execReturn, ["exec_notes": UInt64(STOCKADE_NOTES_OF_ALL.rawValue)])
    returns.set(object)
    do { try attachReturnsIfUsed() } catch {
      returns.set(nil)
      throw error
    }
  }

  func attachReturnsIfUsed() throws(BPFError) {
    if returns.isLoaded, try bindsContainers() { try returns.attach() }
  }

  /// Notes beside the pins whether a program can get past the tier: commands close the node gate without this process.
  package func note(execsCanPass: Bool) throws(BPFError) {
    let marker = NodeGate.passedMarker(folder)
    let result = execsCanPass ? mkdir(marker, 0o700) : rmdir(marker)
    if result == -1, ![EEXIST, ENOENT].contains(errno) {
      throw .system(Errno(errno, "note what can pass in \(marker)"))
    }
  }

  /// Whether the program that `judgeReturns` loaded runs while a container does something.
  package func returnsAreSeen(during body: () throws(BPFError) -> Void) throws(BPFError) -> Bool {
    try returns.run(during: body)
  }

  /// What the kernel counts of the programs on which enforcement depends.
  package func runs() throws(BPFError) -> [ProgramRuns] {
    // If this is true, another program runs at each exec too, and is never skipped.
    let isSpare = returns.isLoaded || links.names.contains { $0.hasPrefix(Refusing.lsm.rawValue) }
    // Without `mark_exit` an entry of `strays` stays, and hides nothing.
    return try links.runs { $0 != "mark_exit" && !(isSpare && $0 == ExecReturns.skipped) }
  }

  func object(
    _ name: String, _ image: StaticString, _ more: [String: UInt64]
  ) throws(BPFError) -> BPFObject {
    try BPFObject(
      name, image, constants: constants.merging(more) { $1 }, shared: shared, isShared: Self.isShared)
  }

  /// Some maps are each object's own. So are the constants, whose map has a dot in its name.
  static func isShared(_ map: String) -> Bool {
    !["scratch", PreemptionTrial.map, VolumeTable.stage, SyscallPrograms.map].contains(map) && !map.contains(".")
  }

  static func descriptor(_ name: String, _ shared: SharedMaps) throws(BPFError) -> FileDescriptor {
    guard let descriptor = try shared.descriptor(name) else { throw .missing(object: "mark", what: "map \(name)") }
    return descriptor
  }

  static func map<Key, Value>(
    _ name: String, _ shared: SharedMaps
  ) throws(BPFError) -> MapAccess<Key, Value> {
    MapAccess(name: name, descriptor: try descriptor(name, shared))
  }

  /// Shares the folder above with other users of the pins. Waits while one of them takes the pins away.
  package static func use(_ folder: String) throws(BPFError) -> FolderLock {
    let lock: FolderLock
    do { lock = try FolderLock(on: Files.folder(of: folder)) } catch { throw .notOnBPFFileSystem(folder: folder) }
    do { try lock.share() } catch { throw .system(error) }
    return lock
  }

  /// Whether no other process uses the pins. From then on no process begins to use them before this one ends.
  package func becomeOnlyUser() -> Bool { use.tryTakeAlone() }

  static func makePinFolder(_ folder: String) throws(BPFError) {
    for path in [folder, "\(folder)/links"] { try Pin.makeFolder(path) }
  }
}
