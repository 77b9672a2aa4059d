import CBPF
import CStockade
import Glibc
import Synchronization
import System

/// The programs of bpf/network.bpf.c. They are loaded once, and pinned links attach them to a container's cgroup. The
/// links go on without this process. The programs need cgroup v2, on a hybrid host too.
///
/// Pins: `links/CGROUP_ID/HOOK` below the pin folder, and `links/strays`.
package final class NetworkPrograms: Sendable {
  private let object: BPFObject
  private let hooks: [NetworkHook: NetworkLink.Hook]
  private let strayHook: NetworkLink.Hook
  private let linksFolder: String
  private let rootCgroupPath: String
  private let heldMax: Int
  private let containers: FileDescriptor
  private let flows: FlowTables
  private let state = Mutex(State())

  private struct State {
    var attached: [CgroupID: Attached] = [:]
    /// nil: the link could not be attached.
    var strays: NetworkLink?
    /// The number of descriptors of links that are held.
    var held = 0
  }

  /// What this process has attached to a container, or has taken over.
  private struct Attached {
    var links: [NetworkHook: NetworkLink] = [:]
    var folder = SeenFolder()
    var held: Int { links.values.count { $0.isHeld } }
  }

  /// Loads the programs and binds strays. Marked tasks that left their container can make no sockets outside it, unless
  /// the container's profile has no network rules.
  ///
  /// - Parameters:
  ///   - pinFolder: a folder on a bpf file system.
  ///   - rootCgroupPath: where the root of the cgroup v2 hierarchy is mounted.
  ///   - heldMax: how many links of containers are held at most.
  package init(
    shared: SharedMaps, pinFolder: String, rootCgroupPath: String, heldMax: Int = NetworkPrograms.usualHeldMax
  ) throws(BPFError) {
    self.heldMax = heldMax
    // The network's own maps are shared too: the links of an earlier process run with them.
    object = try BPFObject("network", EmbeddedObjects.network, shared: shared) { _ in true }
    linksFolder = "\(pinFolder)/links"
    self.rootCgroupPath = rootCgroupPath
    containers = try object.map("network_container")
    flows = FlowTables(try object.map("flows"))
    var hooks: [NetworkHook: NetworkLink.Hook] = [:]
    for hook in NetworkHook.allCases {
      hooks[hook] = try NetworkLink.Hook(object.program(hook.program), named: hook.program, as: hook.attachType)
    }
    self.hooks = hooks
    strayHook = try NetworkLink.Hook(
      object.program("network_stray"), named: "network_stray", as: BPF_CGROUP_INET_SOCK_CREATE)
    try makeFolder(linksFolder)
    try bindStrays()
  }

  /// Gives the links that an earlier process left the programs of this process. Returns the links' cgroup ids.
  ///
  /// - Parameter flowsOfBefore: the table of an earlier layout, one for all containers.
  package func adopt(flowsOfBefore: FileDescriptor? = nil) throws(BPFError) -> [CgroupID] {
    let cgroupIDs = try attachedCgroupIDs()
    try flows.remove(except: cgroupIDs)
    for cgroupID in cgroupIDs { try flows.add(cgroupID) }
    if let flowsOfBefore { try flows.takeOver(flowsOfBefore) }
    for cgroupID in cgroupIDs {
      try state.withLock { (state) throws(BPFError) in
        for hook in NetworkHook.allCases { try hold(hook, cgroupID, nil, in: &state) }
      }
    }
    return cgroupIDs
  }

  /// Attaches what is needed and is not attached yet. The container is opened last. Every packet is dropped and every
  /// call refused until then, also if this throws, and as long as the container has no entry in `containers` or its
  /// policy is missing.
  package func attach(cgroupPath: String, cgroupID: CgroupID, needs: NetworkNeeds) throws(BPFError) {
    if needs.isEmpty { return }
    let cgroup = try open(cgroupPath, cgroupID)
    // The folder comes first: a later process takes away tables that belong to no folder.
    try makeFolders(of: cgroupID)
    try flows.add(cgroupID)
    try state.withLock { (state) throws(BPFError) in
      for hook in needs.hooks { try hold(hook, cgroupID, cgroup, in: &state) }
    }
    try setContainer(cgroupID, to: cgroupID)
  }

  /// Attaches what is needed and is not attached, and detaches what is not needed. To change a container from one
  /// policy to another, first call this with the needs of both policies. Then write the container's entry. Then call
  /// this with the new needs.
  package func update(cgroupPath: String, cgroupID: CgroupID, needs: NetworkNeeds) throws(BPFError) {
    if needs.isEmpty { return try detach(cgroupID: cgroupID) }
    try attach(cgroupPath: cgroupPath, cgroupID: cgroupID, needs: needs)
    for hook in NetworkHook.allCases where !needs.contains(hook.need) { try detach(hook, cgroupID) }
  }

  /// Detaches all programs and removes the pins. It is success if nothing is attached, or the cgroup is gone. The
  /// kernel's refusal is `.system` with its errno. What could not be detached stays, and the call can be repeated.
  package func detach(cgroupID: CgroupID) throws(BPFError) {
    let folder = "\(linksFolder)/\(cgroupID)"
    // Most containers have no such rules, and so they have no folder.
    if state.withLock({ $0.attached[cgroupID] != nil }) || Files.exists(folder) {
      for hook in NetworkHook.allCases { try detach(hook, cgroupID) }
      state.withLock { $0.attached[cgroupID] = nil }
      try removeFolder(folder)
    }
    try flows.remove(cgroupID)
    // The kernel keeps the value as long as the cgroup. If something is attached again, it must find the value closed.
    do { try setContainer(cgroupID, to: nil) } catch {
      guard case .system(let errno) = error, errno.code == ENOENT else { throw error }
    }
  }

  private func detach(_ hook: NetworkHook, _ cgroupID: CgroupID) throws(BPFError) {
    try state.withLock { (state) throws(BPFError) in
      guard let link = state.attached[cgroupID]?.links[hook] else { return try NetworkLink.detach(pin(cgroupID, hook)) }
      try link.detach()
      if link.isHeld { state.held -= 1 }
      state.attached[cgroupID]!.links[hook] = nil
    }
  }

  /// The cgroups that have pins. This includes cgroups that were removed.
  package func attachedCgroupIDs() throws(BPFError) -> [CgroupID] {
    do { return try Files.names(in: linksFolder).compactMap { UInt64($0).map(CgroupID.init) } } catch {
      if error.code == ENOENT { return state.withLock { Array($0.attached.keys) } }
      throw .system(error)
    }
  }

  /// Detaches every container, and the binding of strays. It is for a daemon that is removed from the node.
  package func removeAll() throws(BPFError) {
    for cgroupID in try attachedCgroupIDs() { try detach(cgroupID: cgroupID) }
    try state.withLock { (state) throws(BPFError) in
      if let link = state.strays { try link.detach() } else { try NetworkLink.detach("\(linksFolder)/strays") }
      state.strays = nil
    }
  }

  private func bindStrays() throws(BPFError) {
    let root = try openFolder(rootCgroupPath)
    let link = try NetworkLink(
      strayHook, cgroupID: try id(of: root, rootCgroupPath), cgroup: root, pin: "\(linksFolder)/strays",
      keepsDescriptor: true)
    state.withLock { $0.strays = link }
  }

  // MARK: Holding, and mending

  /// Attaches one hook if it is not attached yet.
  ///
  /// - Parameter cgroup: the cgroup's folder; nil: only takes over what is attached.
  private func hold(
    _ hook: NetworkHook, _ cgroupID: CgroupID, _ cgroup: FileDescriptor?, in state: inout State
  ) throws(BPFError) {
    let keeps = state.held < heldMax
    let link = try NetworkLink(
      hooks[hook]!, cgroupID: cgroupID, cgroup: cgroup, pin: pin(cgroupID, hook), keepsDescriptor: keeps)
    guard let link else { return }
    let old = state.attached[cgroupID, default: Attached()].links.updateValue(link, forKey: hook)
    state.held += (link.isHeld ? 1 : 0) - (old?.isHeld == true ? 1 : 0)
  }

  /// Half of the descriptors that this process may have beside those that it needs. Each container needs up to eight. A
  /// link that is not held ends with its pin, and `mend` attaches it again.
  package static var usualHeldMax: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
    let needed = UInt64(DescriptorLimit.needed)
    return Int(min((max(UInt64(limit.rlim_cur), needed) - needed) / 2, 1 << 20))
  }

  /// Leaves all links to the pins, because another process looks after them.
  package func letGo() {
    state.withLock { state in
      state.strays?.letGo()
      for (cgroupID, attached) in state.attached {
        for hook in attached.links.keys { state.attached[cgroupID]!.links[hook]!.letGo() }
      }
      state.held = 0
    }
  }

  /// Checks that a container has everything that was attached to it, with this process's programs, and pinned. Puts
  /// right what is not so.
  ///
  /// - Parameter isInCharge: asked before anything is put right.
  /// - Returns: nil: everything is as it should be, or the cgroup is gone.
  package func mend(cgroupPath: String, cgroupID: CgroupID, isInCharge: () -> Bool = { true }) -> Damage? {
    PinCheck.run(isInCharge: isInCharge) { check($0, cgroupPath, cgroupID) }
  }

  private func check(_ check: PinCheck, _ cgroupPath: String, _ cgroupID: CgroupID) -> Damage {
    var damage = Damage(.network(cgroupID))
    state.withLock { state in
      guard var attached = state.attached.removeValue(forKey: cgroupID) else { return }
      state.held -= attached.held
      look(check, &attached, cgroupPath, cgroupID, keepsDescriptors: state.held < heldMax, &damage)
      state.held += attached.held
      state.attached[cgroupID] = attached
    }
    let isOver = !damage.isNone && (try? open(cgroupPath, cgroupID)) == nil
    return isOver ? Damage(.network(cgroupID)) : damage
  }

  private func look(
    _ check: PinCheck, _ attached: inout Attached, _ cgroupPath: String, _ cgroupID: CgroupID, keepsDescriptors: Bool,
    _ damage: inout Damage
  ) {
    let pinsMayDiffer = attached.folder.mayHaveChanged("\(linksFolder)/\(cgroupID)")
    if pinsMayDiffer, check == .mend {
      do { try makeFolders(of: cgroupID) } catch { damage.note(error) }
    }
    do {
      for hook in NetworkHook.allCases where attached.links[hook] != nil {
        try attached.links[hook]!.look(
          check, pinMayDiffer: pinsMayDiffer, keepsDescriptor: keepsDescriptors, hook.rawValue, &damage
        ) { () throws(BPFError) in try open(cgroupPath, cgroupID) }
      }
      if damage.wasOpen, check == .mend { try setContainer(cgroupID, to: cgroupID) }
    } catch { damage.note(error) }
    if !damage.isNone { attached.folder.forget() }
  }

  /// Does the same for the program that binds strays. Its pin is checked each time.
  package func mendStrays(isInCharge: () -> Bool = { true }) -> Damage? {
    PinCheck.run(isInCharge: isInCharge) { check in
      var damage = Damage(.strays)
      state.withLock { state in
        do throws(BPFError) {
          try state.strays?.look(check, pinMayDiffer: true, keepsDescriptor: true, "strays", &damage) {
            () throws(BPFError) in try openFolder(rootCgroupPath)
          }
        } catch { damage.note(error) }
      }
      return damage
    }
  }

  private func pin(_ cgroupID: CgroupID, _ hook: NetworkHook) -> String {
    "\(linksFolder)/\(cgroupID)/\(hook.rawValue)"
  }

  private func setContainer(_ cgroupID: CgroupID, to value: CgroupID?) throws(BPFError) {
    var key = cgroupID
    var container = stockade_network_container(cgroup_id: value?.number ?? 0)
    try bpf("open cgroup \(cgroupID) to the network") {
      bpf_map_update_elem(containers.number, &key, &container, UInt64(BPF_ANY))
    }
  }

  /// The cgroup's folder, if it still is that cgroup. Another cgroup of the same name has another id.
  private func open(_ path: String, _ cgroupID: CgroupID) throws(BPFError) -> FileDescriptor {
    let folder = try openFolder(path)
    if try id(of: folder, path) != cgroupID {
      throw .system(Errno(ESTALE, "attach to \(path) (not cgroup \(cgroupID))"))
    }
    return folder
  }

  private func id(of folder: FileDescriptor, _ path: String) throws(BPFError) -> CgroupID {
    do { return CgroupID(UInt64(try folder.status(path).st_ino)) } catch { throw .system(error) }
  }

  private func openFolder(_ path: String) throws(BPFError) -> FileDescriptor {
    do { return try FileDescriptor(open: path, O_RDONLY | O_DIRECTORY) } catch { throw .system(error) }
  }

  /// Somebody may have taken all these folders away.
  private func makeFolders(of cgroupID: CgroupID) throws(BPFError) {
    for path in [Files.folder(of: linksFolder), linksFolder] { try Pin.makeFolder(path) }
    try makeFolder("\(linksFolder)/\(cgroupID)")
  }

  private func makeFolder(_ path: String) throws(BPFError) {
    if mkdir(path, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make folder \(path)")) }
  }

  private func removeFolder(_ path: String) throws(BPFError) {
    if rmdir(path) == -1, errno != ENOENT { throw .system(Errno(errno, "remove folder \(path)")) }
  }
}
