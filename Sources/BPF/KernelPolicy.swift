import CBPF
import CStockade
import Glibc
import System

/// The maps that say who is bound by what, and the programs that follow tasks and judge execs: loaded once, attached to
/// the whole system, pinned, so that they go on without this process.
///
/// Pins, in the folder: a file a map; `links/NAME` for each attached program. Kernel 6.1 and newer.
package final class KernelPolicy: Sendable {
  package let shared: SharedMaps
  private let folder: String
  /// Held as long as this process lives: a process that ends takes no pins away that another one uses.
  private let use: FileDescriptor
  private let constants: [String: UInt64]
  private let mark: BPFObject
  private let containersMap: MapAccess<UInt64, stockade_container>
  private let entrypoints: MapAccess<UInt64, stockade_entrypoint>
  private let strays: MapAccess<UInt32, UInt64>
  private let policies: MapAccess<UInt64, stockade_policy>
  private let rules: RevisionMap<stockade_path_key, stockade_path_rule>
  private let arguments: RevisionMap<stockade_argument_key, stockade_argument>
  private let rate: MapAccess<UInt64, stockade_rate>
  private let hash: PathHash

  /// Loads and attaches what follows tasks. What an earlier process pinned is reused (maps) or replaced without a gap
  /// (programs). Nothing is judged by this process's programs before `judgeExecs`.
  ///
  /// - Parameters:
  ///   - pinFolder: on a bpf file system; made where it is missing.
  ///   - runtimeMountNamespace: inode number of the mount namespace of the runtime's own processes.
  ///   - cgroupV1: containers are known by their cgroups in the v1 hierarchy of the controller pids.
  package init(pinFolder: String, runtimeMountNamespace: UInt32, cgroupV1: Bool = false) throws(BPFError) {
    use = try Self.use(pinFolder)
    try Self.makePinFolder(pinFolder)
    folder = pinFolder
    shared = SharedMaps(folder: pinFolder)
    constants = ["runtime_mount_namespace": UInt64(runtimeMountNamespace), "cgroup_v1": cgroupV1 ? 1 : 0]
    mark = try BPFObject("mark", EmbeddedObjects.mark, constants: constants, shared: shared, isShared: Self.isShared)
    containersMap = try Self.map("containers", shared)
    entrypoints = try Self.map("entrypoints", shared)
    strays = try Self.map("strays", shared)
    policies = try Self.map("policies", shared)
    rules = RevisionMap(try Self.map("path_rules", shared))
    arguments = RevisionMap(try Self.map("arguments", shared))
    rate = try Self.map("rate", shared)
    hash = try PathHash(map: Self.descriptor(hashKeysMap, shared))
    for name in ["mark_fork", "mark_move", "mark_exit"] { try attach(name, of: mark) }
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

  /// Loads and attaches programs that refuse. Whether they run is to be proved: `probe`.
  package func refuse(by refusing: Refusing) throws(BPFError) {
    let object = try BPFObject(
      refusing.rawValue, refusing.image, constants: constants, shared: shared, isShared: Self.isShared)
    do throws(BPFError) {
      for name in object.programNames { try attach(name, of: object, pin: "\(refusing.rawValue)_\(name)") }
    } catch {
      try stopRefusing(by: refusing)
      throw error
    }
  }

  /// Detaches programs that refuse, an earlier process's too.
  package func stopRefusing(by refusing: Refusing) throws(BPFError) {
    do throws(Errno) {
      for name in try Files.names(in: "\(folder)/links") where name.hasPrefix("\(refusing.rawValue)_") {
        try call("remove the pin \(name)") { unlink("\(folder)/links/\(name)") }
      }
    } catch { throw .system(error) }
  }

  /// Loads and attaches what binds a task at its first exec and kills what may not run.
  ///
  /// - Parameter filesAreJudged: programs that refuse run and have judged the files already.
  package func judgeExecs(filesAreJudged: Bool) throws(BPFError) {
    var constants = constants
    constants["files_are_judged"] = filesAreJudged ? 1 : 0
    let exec = try BPFObject(
      "exec_signal", EmbeddedObjects.execSignal, constants: constants, shared: shared, isShared: Self.isShared)
    try attach("exec_signal", of: exec)
  }

  /// `scratch` is each object's own, and so are the constants, whose map's name has a dot.
  private static func isShared(_ map: String) -> Bool { map != "scratch" && !map.contains(".") }

  private static func descriptor(_ name: String, _ shared: SharedMaps) throws(BPFError) -> FileDescriptor {
    guard let descriptor = try shared.descriptor(name) else { throw .missing(object: "mark", what: "map \(name)") }
    return descriptor
  }

  private static func map<Key, Value>(
    _ name: String, _ shared: SharedMaps
  ) throws(BPFError) -> MapAccess<Key, Value> {
    MapAccess(name: name, descriptor: try descriptor(name, shared))
  }

  /// Shares the folder above with other users of the pins; waits while one takes them away. flock(2).
  private static func use(_ folder: String) throws(BPFError) -> FileDescriptor {
    let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "."
    let descriptor: FileDescriptor
    do throws(Errno) { descriptor = try FileDescriptor(open: parent, O_RDONLY | O_DIRECTORY) } catch {
      throw .notOnBPFFileSystem(folder: folder)
    }
    try bpf("share \(parent)") { flock(descriptor.number, LOCK_SH) }
    return descriptor
  }

  /// Whether no other process uses the pins; from then on none begins to before this one ends.
  package func becomeOnlyUser() -> Bool { flock(use.number, LOCK_EX | LOCK_NB) == 0 }

  private static func makePinFolder(_ folder: String) throws(BPFError) {
    let parent = folder.lastIndex(of: "/").map { String(folder[..<$0]) } ?? "."
    guard stockade_is_bpffs(parent) == 1 else { throw .notOnBPFFileSystem(folder: folder) }
    for path in [folder, "\(folder)/links"] where mkdir(path, 0o700) == -1 && errno != EEXIST {
      throw .system(Errno(errno, "make folder \(path)"))
    }
  }

  /// The new program runs before the old one's link is dropped: both judging for a moment is harmless, none is not.
  private func attach(_ program: String, of object: BPFObject, pin: String? = nil) throws(BPFError) {
    let link = try object.attachTracing(program)
    let pin = "\(folder)/links/\(pin ?? program)"
    let temporary = "\(pin)_new"
    if unlink(temporary) == -1, errno != ENOENT { throw .system(Errno(errno, "remove \(temporary)")) }
    try bpf("pin the program \(program) at \(temporary)") { bpf_obj_pin(link.number, temporary) }
    if rename(temporary, pin) == -1 { throw .system(Errno(errno, "rename \(temporary) to \(pin)")) }
  }

  // MARK: Containers

  package func containers() throws(BPFError) -> [stockade_container] {
    var found: [stockade_container] = []
    for key in try containersMap.keys(zero: 0) { if let container = try container(key) { found.append(container) } }
    return found
  }

  package func container(_ cgroupID: UInt64) throws(BPFError) -> stockade_container? {
    try containersMap.value(cgroupID, zero: stockade_container())
  }

  package func put(_ container: stockade_container) throws(BPFError) {
    var container = container
    container.check = stockade_container_check(&container)
    try containersMap.set(container.cgroup_id, container)
  }

  /// Removes a container and what hangs on it. Missing is success.
  package func removeContainer(_ cgroupID: UInt64) throws(BPFError) {
    try containersMap.remove(cgroupID)
    try entrypoints.remove(cgroupID)
    try rate.remove(cgroupID)
  }

  package func setEntrypoint(_ cgroupID: UInt64, _ entrypoint: stockade_entrypoint) throws(BPFError) {
    try entrypoints.set(cgroupID, entrypoint)
  }

  /// Whether a process lives that left its container's cgroup.
  package func hasStrays() throws(BPFError) -> Bool {
    try strays.keys(zero: 0).contains { kill(pid_t($0), 0) == 0 || errno != ESRCH }
  }

  /// Marks tasks that run already in open containers. Repeated until none is found: a task may fork meanwhile.
  package func markRunningTasks() throws(BPFError) {
    let program = try mark.program("mark_running")
    let link = FileDescriptor(
      owning: try bpf("attach the task iterator") { bpf_link_create(program.number, 0, BPF_TRACE_ITER, nil) })
    while try iterate(link) > 0 {}
  }

  private func iterate(_ link: FileDescriptor) throws(BPFError) -> Int {
    let iterator = FileDescriptor(owning: try bpf("start the task iterator") { bpf_iter_create(link.number) })
    var marked = 0
    do throws(Errno) {
      while case let part = try iterator.read(atMost: 4096), !part.isEmpty { marked += part.count }
    } catch { throw .system(error) }
    return marked
  }

  // MARK: Policies

  /// Writes a policy under a revision that no container has yet: rules first, the policy itself last.
  package func install(_ compiled: CompiledPolicy, revision: UInt64) throws(BPFError) {
    rules.begin(revision)
    arguments.begin(revision)
    do throws(BPFError) {
      for (path, rule) in compiled.paths { try set(rule, of: path, STOCKADE_SECTION_PROCESS, revision) }
      for (path, rule) in compiled.files { try set(rule, of: path, STOCKADE_SECTION_FILE, revision) }
      for (key, argument) in compiled.arguments {
        var key = key
        key.revision = revision
        try arguments.set(key, argument)
      }
      var policy = compiled.policy
      policy.revision = revision
      try policies.set(revision, policy)
    } catch {
      try? removePolicy(revision)
      throw error
    }
  }

  private func set(
    _ rule: stockade_path_rule, of path: [UInt8], _ section: stockade_path_section, _ revision: UInt64
  ) throws(BPFError) {
    let hash = hash(path) | UInt64(section.rawValue) << UInt64(STOCKADE_PATH_SECTION_SHIFT)
    try rules.set(stockade_path_key(revision: revision, hash: hash), rule)
  }

  package func revisions() throws(BPFError) -> Set<UInt64> { Set(try policies.keys(zero: 0)) }

  package func removePolicy(_ revision: UInt64) throws(BPFError) {
    try policies.remove(revision)
    try rules.remove(revision)
    try arguments.remove(revision)
  }

  package func removePolicies(except revisions: Set<UInt64>) throws(BPFError) {
    for key in try policies.keys(zero: 0) where !revisions.contains(key) { try policies.remove(key) }
    try rules.remove { !revisions.contains($0) }
    try arguments.remove { !revisions.contains($0) }
  }

  // MARK: Counters and the end

  /// By `enum stockade_counter`, summed over the CPUs.
  package func counters() throws(BPFError) -> [UInt64] {
    let map = try Self.descriptor("counters", shared)
    let cpus = Int(libbpf_num_possible_cpus())
    guard cpus > 0 else { throw .system(Errno(EINVAL, "count the possible CPUs")) }
    var sums: [UInt64] = []
    for index in 0..<STOCKADE_COUNTERS.rawValue {
      var key = index
      var values = [UInt64](repeating: 0, count: cpus)
      try bpf("read the counters") { bpf_map_lookup_elem(map.number, &key, &values) }
      sums.append(values.reduce(0, &+))
    }
    return sums
  }

  /// Removes every pin and the folder: with this process, or at once where nobody else has them open, all is gone.
  package func unpinAll() throws(BPFError) {
    do throws(Errno) {
      // Programs first: none runs on without the maps that the next start would look for.
      try Self.removePins("\(folder)/links")
      try Self.removePins(folder)
    } catch { throw .system(error) }
  }

  /// With the folders below it: the network programs have one a container.
  private static func removePins(_ folder: String) throws(Errno) {
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
