import CBPF
import CStockade
import Compilation
import Glibc
import Synchronization
import System

/// The maps that say which process is bound by what, and the programs that follow tasks and judge execs. They are
/// loaded once, attached to the whole system, and pinned, so they go on without this process.
///
/// Pins in the folder: one file for each map, and `links/NAME` for each attached program. Kernel 6.1 and newer.
package final class PolicyMaps: Sendable {
  package let shared: SharedMaps
  private let folder: String
  private let users: PinUsers
  /// Held as long as this process lives. A process that ends takes no pins away that another process uses.
  private let use: FileDescriptor
  private let constants: [String: UInt64]
  /// nil: nothing was pinned, or the pins have this version's layout.
  private let former: Mutex<FormerPins?>
  /// Whether there were pins of an earlier layout.
  package let tookOver: Bool
  private let mark: BPFObject
  /// nil: the kernel never skips a program at a tracepoint; else how it can.
  package let tracepointProblem: String?
  private let links: ProgramLinks
  private let returns: ExecReturns
  let containersMap: MapAccess<CgroupID, stockade_container>
  let entrypoints: MapAccess<CgroupID, stockade_process>
  let strays: StrayTable
  package let nodeGate: NodeGate
  var gates: PodGates { nodeGate.gates }
  private let policies: MapAccess<Revision, stockade_policy>
  let rules: RevisionMap<stockade_path_key, stockade_path_rule>
  let arguments: RevisionMap<stockade_argument_key, stockade_argument>
  private let rate: MapAccess<CgroupID, stockade_rate>
  private let hash: PathHash
  /// How often, and how far apart, it is tried again to mark a task for which there is no memory.
  private static let markAttempts = 5
  private static let markPauseMicroseconds: UInt32 = 20_000

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
    do throws(BPFError) {
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
    do throws(BPFError) { try attachReturnsIfUsed() } catch {
      returns.set(nil)
      throw error
    }
  }

  private func attachReturnsIfUsed() throws(BPFError) {
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

  private func object(
    _ name: String, _ image: StaticString, _ more: [String: UInt64]
  ) throws(BPFError) -> BPFObject {
    try BPFObject(
      name, image, constants: constants.merging(more) { $1 }, shared: shared, isShared: Self.isShared)
  }

  /// Some maps are each object's own. So are the constants, whose map has a dot in its name.
  private static func isShared(_ map: String) -> Bool {
    map != "scratch" && map != PreemptionTrial.map && !map.contains(".")
  }

  private static func descriptor(_ name: String, _ shared: SharedMaps) throws(BPFError) -> FileDescriptor {
    guard let descriptor = try shared.descriptor(name) else { throw .missing(object: "mark", what: "map \(name)") }
    return descriptor
  }

  private static func map<Key, Value>(
    _ name: String, _ shared: SharedMaps
  ) throws(BPFError) -> MapAccess<Key, Value> {
    MapAccess(name: name, descriptor: try descriptor(name, shared))
  }

  /// Shares the folder above with other users of the pins. Waits while one of them takes the pins away. flock(2).
  package static func use(_ folder: String) throws(BPFError) -> FileDescriptor {
    let parent = Files.folder(of: folder)
    let descriptor: FileDescriptor
    do throws(Errno) { descriptor = try FileDescriptor(open: parent, O_RDONLY | O_DIRECTORY) } catch {
      throw .notOnBPFFileSystem(folder: folder)
    }
    try bpf("share \(parent)") { flock(descriptor.number, LOCK_SH) }
    return descriptor
  }

  /// Whether no other process uses the pins. From then on no process begins to use them before this one ends.
  package func becomeOnlyUser() -> Bool { flock(use.number, LOCK_EX | LOCK_NB) == 0 }

  private static func makePinFolder(_ folder: String) throws(BPFError) {
    for path in [folder, "\(folder)/links"] { try Pin.makeFolder(path) }
  }

  // MARK: Containers

  package func containers() throws(BPFError) -> [ContainerEntry] {
    try containersMap.elements(zero: (CgroupID(0), stockade_container())).map { ContainerEntry($0.value) }
  }

  package func container(_ cgroupID: CgroupID) throws(BPFError) -> ContainerEntry? {
    try containersMap.value(cgroupID, zero: stockade_container()).map { ContainerEntry($0) }
  }

  package func put(_ container: ContainerEntry) throws(BPFError) {
    try returns.enter { () throws(BPFError) in
      try strays.add(container: container.cgroupID)
      try containersMap.set(container.cgroupID, container.row)
    }
  }

  /// Removes a container and what depends on it. A missing container is success.
  package func removeContainer(_ cgroupID: CgroupID) throws(BPFError) {
    try containersMap.remove(cgroupID)
    try entrypoints.remove(cgroupID)
    try rate.remove(cgroupID)
    try strays.remove(container: cgroupID)
    try detachReturnsIfUnused()
  }

  package func setEntrypoint(_ cgroupID: CgroupID, _ entrypoint: ProcessIdentity) throws(BPFError) {
    try returns.exclusively { () throws(BPFError) in try entrypoints.set(cgroupID, entrypoint.value) }
  }

  /// Whether a process lives that left its container's cgroup.
  package func hasStrays() throws(BPFError) -> Bool { try strays.hasLiving() }

  /// Forgets strays that are over, whose end no program may have seen, and corrects how many strays each container has.
  /// Any thread may call it, whatever other threads do to containers meanwhile.
  package func sweepStrays() throws(BPFError) {
    try strays.sweep { (cgroupID, settle) throws(BPFError) in
      try returns.exclusively { () throws(BPFError) in try settle(try container(cgroupID) != nil) }
    }
    try sweepEntrypoints()
    try detachReturnsIfUnused()
  }

  private func bindsContainers() throws(BPFError) -> Bool {
    if try !containersMap.isEmpty(zero: CgroupID(0)) { return true }
    if try !gates.isEmpty { return true }
    return try nodeGate.isClosed
  }

  /// If a process is over before its exec, nobody waits for that exec any more: the start ended before the container
  /// was open.
  private func sweepEntrypoints() throws(BPFError) {
    for (cgroupID, entrypoint) in try entrypoints.elements(zero: (CgroupID(0), stockade_process()))
    where ProcessStat.isOver(pid: entrypoint.tgid, startTicks: entrypoint.start_ticks) {
      try returns.exclusively { () throws(BPFError) in
        let present = try entrypoints.value(cgroupID, zero: stockade_process())
        if present.map(ProcessIdentity.init) == ProcessIdentity(entrypoint) { try entrypoints.remove(cgroupID) }
      }
    }
  }

  /// What has left a container that is gone is still bound. Containers are asked about first: without a container there
  /// are no new strays.
  private func detachReturnsIfUnused() throws(BPFError) {
    try returns.detach { () throws(BPFError) in
      if try bindsContainers() { return false }
      return try !hasStrays()
    }
  }

  /// Marks tasks that already run in open containers. This is repeated until none is found, because a task may fork
  /// meanwhile.
  ///
  /// - Returns: the cgroup ids of containers that have a task for whose mark there was no memory.
  package func markRunningTasks() throws(BPFError) -> Set<CgroupID> {
    var attempts = 0
    while true {
      let found = try iterate("mark_running")
      if found.isEmpty { return [] }
      let unmarked = Set(found.filter { $0 != 0 }.map { CgroupID($0) })
      if unmarked.isEmpty { continue }
      attempts += 1
      if attempts == Self.markAttempts { return unmarked }
      usleep(Self.markPauseMicroseconds)
    }
  }

  /// Runs a program for each task of the node. Returns what it wrote.
  private func iterate(_ name: String) throws(BPFError) -> [UInt64] {
    let program = try mark.program(name)
    let link = FileDescriptor(
      owning: try bpf("attach the task iterator") { bpf_link_create(program.number, 0, BPF_TRACE_ITER, nil) })
    let iterator = FileDescriptor(owning: try bpf("start the task iterator") { bpf_iter_create(link.number) })
    var bytes: [UInt8] = []
    do throws(Errno) {
      while case let part = try iterator.read(atMost: 4096), !part.isEmpty { bytes += part }
    } catch { throw .system(error) }
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 8).map { bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self) }
    }
  }

  // MARK: An earlier layout

  /// The map of that name in an earlier layout; nil: there was none, or it had the same shape.
  package func formerMap(_ name: String) throws(BPFError) -> FileDescriptor? {
    try former.withLock { (former) throws(BPFError) in try former?.map(name) }
  }

  /// - Parameter isComplete: everything that judges belongs to this version, so what an earlier layout left is taken
  ///   away. If not, what it left goes on, and the next start tries again.
  package func endTakeOver(isComplete: Bool) throws(BPFError) {
    try former.withLock { (former) throws(BPFError) in
      if isComplete { try former?.remove() }
      former = nil
    }
  }

  // MARK: Gates

  package func gateStates() throws(BPFError) -> [CgroupID: GateState] { try gates.all() }

  package func gate(_ pod: CgroupID) throws(BPFError) -> GateState? { try gates.state(pod) }

  package func sandbox(_ pod: CgroupID) throws(BPFError) -> SandboxEntry? { try gates.sandbox(pod) }

  package func sandboxes() throws(BPFError) -> [CgroupID: SandboxEntry] { try gates.allSandboxes() }

  package func replaceSandbox(_ pod: CgroupID, _ sandbox: SandboxEntry) throws(BPFError) {
    try gates.replace(pod, sandbox)
  }

  /// - Parameter sandbox: nil: what the programs already know of the sandbox, or will find out.
  package func setGate(
    _ pod: CgroupID, _ state: GateState, sandbox: SandboxEntry? = nil
  ) throws(BPFError) { try gates.set(pod, state, sandbox: sandbox) }

  /// A missing gate is success.
  package func removeGate(_ pod: CgroupID) throws(BPFError) {
    try gates.remove(pod)
    try rate.remove(pod)
    try detachReturnsIfUnused()
  }

  // MARK: Policies

  /// Writes a policy under a revision that no container has yet. The rules come first, the policy itself last.
  package func install(_ compiled: CompiledPolicy, revision: Revision) throws(BPFError) {
    rules.begin(revision)
    arguments.begin(revision)
    do throws(BPFError) {
      for path in compiled.process?.paths ?? [] { try set(path, STOCKADE_SECTION_PROCESS, revision) }
      for path in compiled.file?.paths ?? [] { try set(path, STOCKADE_SECTION_FILE, revision) }
      for argument in compiled.process?.arguments ?? [] {
        try arguments.set(
          stockade_argument_key(argument, revision: revision), stockade_argument(argument.argument))
      }
      try policies.set(revision, stockade_policy(compiled, revision: revision))
    } catch {
      try? removePolicy(revision)
      throw error
    }
  }

  private func set(
    _ path: CompiledPolicy.Path, _ section: stockade_path_section, _ revision: Revision
  ) throws(BPFError) {
    let hash = hash(path.bytes) | UInt64(section.rawValue) << UInt64(STOCKADE_PATH_SECTION_SHIFT)
    try rules.set(stockade_path_key(revision: revision.number, hash: hash), stockade_path_rule(path))
  }

  package func revisions() throws(BPFError) -> Set<Revision> { Set(try policies.keys(zero: Revision(0))) }

  package func removePolicy(_ revision: Revision) throws(BPFError) { try removePolicies([revision]) }

  package func removePolicies(_ revisions: Set<Revision>) throws(BPFError) {
    for revision in revisions { try policies.remove(revision) }
    try rules.remove(revisions)
    try arguments.remove(revisions)
  }

  package func removePolicies(except revisions: Set<Revision>) throws(BPFError) {
    for key in try policies.keys(zero: Revision(0)) where !revisions.contains(key) { try policies.remove(key) }
    try rules.remove { !revisions.contains($0) }
    try arguments.remove { !revisions.contains($0) }
  }

  // MARK: Counters and the end

  /// Takes everything out of the kernel, whatever is bound by it. After that nothing is held any more.
  ///
  /// - Throws: `inUse` if another process uses the pins.
  package static func detachAll(pinFolder: String) throws(BPFError) {
    let use = try use(pinFolder)
    guard flock(use.number, LOCK_EX | LOCK_NB) == 0 else { throw .inUse(folder: pinFolder) }
    // The lock is held until everything is gone.
    try withExtendedLifetime(use) { () throws(BPFError) in try removeAllPins(pinFolder) }
  }

  /// Takes away what an attempt to load has left. Does so only if nothing is bound by what an earlier process left
  /// there, and nobody else uses the pins.
  package static func removeUnused(pinFolder: String) {
    guard let use = try? use(pinFolder), flock(use.number, LOCK_EX | LOCK_NB) == 0, Files.exists(pinFolder),
      bindsNothing(pinFolder)
    else { return }
    // The lock is held until everything is gone.
    withExtendedLifetime(use) { try? removeAllPins(pinFolder) }
  }

  /// Whether nothing that is pinned binds anybody or holds anybody back.
  package var bindsNothing: Bool { Self.bindsNothing(folder) }

  private static func bindsNothing(_ folder: String) -> Bool {
    ["containers", "strays", "former/strays", "gates", "gate_parents"].allSatisfy { isEmpty("\(folder)/\($0)") }
  }

  /// Whether a map has no element, or there is no such map. The map may have any shape.
  private static func isEmpty(_ pin: String) -> Bool {
    let number = bpf_obj_get(pin)
    if number < 0 { return errno == ENOENT }
    let map = FileDescriptor(owning: number)
    // This is as long as the longest key of any map, because the kernel writes a whole key.
    var key = [UInt8](repeating: 0, count: MemoryLayout<stockade_cgroup_path>.size)
    return bpf_map_get_next_key(map.number, nil, &key) < 0 && errno == ENOENT
  }

  /// The counters, summed over the CPUs.
  package func counters() throws(BPFError) -> KernelCounters {
    let map = try Self.descriptor("counters", shared)
    let cpus = Int(libbpf_num_possible_cpus())
    guard cpus > 0 else { throw .system(Errno(EINVAL, "count the possible CPUs")) }
    var sums: [KernelCounter: UInt64] = [:]
    for counter in KernelCounter.allCases {
      var key = counter.number
      var values = [UInt64](repeating: 0, count: cpus)
      try bpf("read the counters") { bpf_map_lookup_elem(map.number, &key, &values) }
      sums[counter] = values.reduce(0, &+)
    }
    return KernelCounters(sums)
  }

  /// Whether this process looks after the pins: no newer process that uses them lives.
  package func isInCharge() throws(BPFError) -> Bool { try users.isNewest() }

  /// Leaves everything to the pins, because another process looks after them.
  package func letGo() { links.letGo() }

  /// Checks that the pins are there and are this process's, and that the programs for the whole system are attached.
  /// Puts right what is not so. Only the process in charge calls this.
  package func mend() -> [Damage] {
    do throws(BPFError) {
      try Self.makePinFolder(folder)
      try FormerPins.markLayout(of: folder)
    } catch { return [Damage(.maps, problem: error.description)] }
    let isInCharge = { (try? self.isInCharge()) == true }
    return [
      PinCheck.run(isInCharge: isInCharge, shared.check), PinCheck.run(isInCharge: isInCharge, links.check),
      isInCharge() ? attachedReturns() : nil,
    ].compactMap { $0 }
  }

  /// Attaches the program of `judgeReturns` if it is needed. A command that closes the node gate while this process
  /// lives has no program to attach itself. This comes last: what was attached and is not there any more is damage.
  private func attachedReturns() -> Damage? {
    do throws(BPFError) {
      try attachReturnsIfUsed()
      return nil
    } catch { return Damage(.programs, problem: error.description) }
  }

  /// Removes every pin and the folder. Everything is gone with this process, or at once if nobody else has it open.
  package func unpinAll() throws(BPFError) {
    links.letGo()
    try Self.removeAllPins(folder)
  }

  private static func removeAllPins(_ folder: String) throws(BPFError) {
    do throws(Errno) {
      // The programs go first: none runs on without the maps that the next start would look for.
      try removePins("\(folder)/links")
      try removePins(folder)
    } catch { throw .system(error) }
  }

  /// Also removes the folders below: the network programs have one for each container.
  static func removePins(_ folder: String) throws(Errno) {
    if !Files.exists(folder) { return }
    for name in try Files.names(in: folder) {
      let path = "\(folder)/\(name)"
      if try Files.status(path).st_mode & S_IFMT == S_IFDIR {
        try removePins(path)
      } else {
        try call("remove the pin \(path)") { unlink(path) }
      }
    }
    try call("remove the folder \(folder)") { rmdir(folder) }
  }
}
