import CBPF
import CStockade
import Glibc
import System

/// The programs of bpf/network.bpf.c: loaded once, attached to a container's cgroup by pinned links, which go on
/// without this process. Needs cgroup v2, on a hybrid host too.
///
/// Pins: `links/CGROUP_ID/HOOK` below the pin folder, and `links/strays`.
package final class NetworkPrograms: Sendable {
  private let object: BPFObject
  private let linksFolder: String
  private let containers: FileDescriptor

  /// Loads the programs and binds strays: marked tasks that left their container make no sockets outside it, unless
  /// its profile has no network rules.
  ///
  /// - Parameters:
  ///   - pinFolder: on a bpf file system.
  ///   - rootCgroupPath: where the root of the cgroup v2 hierarchy is mounted.
  package init(shared: SharedMaps, pinFolder: String, rootCgroupPath: String) throws(BPFError) {
    // Also the network's own: an earlier process's links run with them.
    object = try BPFObject("network", EmbeddedObjects.network, shared: shared) { _ in true }
    linksFolder = "\(pinFolder)/links"
    containers = try object.map("network_container")
    try makeFolder(linksFolder)
    try bindStrays(rootCgroupPath)
  }

  /// Gives the links that an earlier process left this process's programs. Returns their cgroup ids.
  package func adopt() throws(BPFError) -> [UInt64] {
    let cgroupIDs = try attachedCgroupIDs()
    for cgroupID in cgroupIDs {
      for hook in NetworkHook.allCases {
        if let link = try NetworkLink(pinnedAt: pin(cgroupID, hook)) {
          try link.replaceProgram(object.program(hook.program))
        }
      }
    }
    return cgroupIDs
  }

  /// Attaches what is needed and is not attached yet, and opens last. Until then, if this throws, and as long as the
  /// container has no entry in `containers` or its policy is missing, every packet is dropped and every call refused.
  package func attach(cgroupPath: String, cgroupID: UInt64, needs: NetworkNeeds) throws(BPFError) {
    if needs.isEmpty { return }
    let cgroup = try open(cgroupPath, cgroupID)
    try makeFolder("\(linksFolder)/\(cgroupID)")
    for hook in needs.hooks {
      let pin = pin(cgroupID, hook)
      if try NetworkLink(pinnedAt: pin) != nil { continue }
      _ = try NetworkLink(attaching: object.program(hook.program), to: cgroup, as: hook.attachType, pin: pin)
    }
    try setContainer(cgroupID, to: cgroupID)
  }

  /// Attaches what is needed and is not attached, and detaches what is not needed. While a container changes over from
  /// one policy to another, call it with what either needs, write the container's entry, call it with the new needs.
  package func update(cgroupPath: String, cgroupID: UInt64, needs: NetworkNeeds) throws(BPFError) {
    if needs.isEmpty { return try detach(cgroupID: cgroupID) }
    try attach(cgroupPath: cgroupPath, cgroupID: cgroupID, needs: needs)
    for hook in NetworkHook.allCases where !needs.contains(hook.need) {
      try NetworkLink(pinnedAt: pin(cgroupID, hook))?.detach()
    }
  }

  /// Detaches all and removes the pins. Nothing attached, or the cgroup gone: success. The kernel's refusal is
  /// `.system` with its errno; what could not be detached stays, and the call can be repeated.
  package func detach(cgroupID: UInt64) throws(BPFError) {
    for hook in NetworkHook.allCases { try NetworkLink(pinnedAt: pin(cgroupID, hook))?.detach() }
    try removeFolder("\(linksFolder)/\(cgroupID)")
    // The kernel keeps the value as long as the cgroup: another attach must find it closed.
    do throws(BPFError) { try setContainer(cgroupID, to: 0) } catch {
      guard case .system(let errno) = error, errno.code == ENOENT else { throw error }
    }
  }

  /// The cgroups that have pins, removed ones included.
  package func attachedCgroupIDs() throws(BPFError) -> [UInt64] {
    do throws(Errno) { return try Files.names(in: linksFolder).compactMap { UInt64($0) } } catch {
      throw .system(error)
    }
  }

  /// Detaches every container and the binding of strays, for a daemon that is removed from the node.
  package func removeAll() throws(BPFError) {
    for cgroupID in try attachedCgroupIDs() { try detach(cgroupID: cgroupID) }
    try NetworkLink(pinnedAt: "\(linksFolder)/strays")?.detach()
  }

  private func bindStrays(_ rootCgroupPath: String) throws(BPFError) {
    let pin = "\(linksFolder)/strays"
    let program = try object.program("network_stray")
    if let link = try NetworkLink(pinnedAt: pin) { return try link.replaceProgram(program) }
    let root = try openFolder(rootCgroupPath)
    _ = try NetworkLink(attaching: program, to: root, as: BPF_CGROUP_INET_SOCK_CREATE, pin: pin)
  }

  private func pin(_ cgroupID: UInt64, _ hook: NetworkHook) -> String { "\(linksFolder)/\(cgroupID)/\(hook.rawValue)" }

  private func setContainer(_ cgroupID: UInt64, to value: UInt64) throws(BPFError) {
    var key = cgroupID
    var container = stockade_network_container(cgroup_id: value)
    try bpf("open cgroup \(cgroupID) to the network") {
      bpf_map_update_elem(containers.number, &key, &container, UInt64(BPF_ANY))
    }
  }

  /// The cgroup's folder, if it is still that cgroup: another one of the same name has another id.
  private func open(_ path: String, _ cgroupID: UInt64) throws(BPFError) -> FileDescriptor {
    let folder = try openFolder(path)
    var status = stat()
    try bpf("stat \(path)") { fstat(folder.number, &status) }
    if status.st_ino != cgroupID { throw .system(Errno(ESTALE, "attach to \(path) (not cgroup \(cgroupID))")) }
    return folder
  }

  private func openFolder(_ path: String) throws(BPFError) -> FileDescriptor {
    do throws(Errno) { return try FileDescriptor(open: path, O_RDONLY | O_DIRECTORY) } catch { throw .system(error) }
  }

  private func makeFolder(_ path: String) throws(BPFError) {
    if mkdir(path, 0o700) == -1, errno != EEXIST { throw .system(Errno(errno, "make folder \(path)")) }
  }

  private func removeFolder(_ path: String) throws(BPFError) {
    if rmdir(path) == -1, errno != ENOENT { throw .system(Errno(errno, "remove folder \(path)")) }
  }
}
