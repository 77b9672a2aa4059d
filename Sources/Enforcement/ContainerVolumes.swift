import BPF
import Glibc
import System

/// What gives the files of a container their paths: the mounts that its first process sees while it is parked before
/// its exec. Where a container mounts something later, that changes no path.
package struct ContainerVolumes: Sendable {
  /// A mount as the runtime was told of it. Links may lead to the destination.
  package struct Named: Hashable, Sendable {
    package var destination: String
    /// Whether the kubelet writes the volume, in folders that a time names.
    package var isAtomic: Bool

    package init(destination: String, isAtomic: Bool) {
      (self.destination, self.isAtomic) = (destination, isAtomic)
    }
  }

  package private(set) var volumes: [Volume] = []
  /// Mount points for which there is no room, that are too long, or that could not be looked at. Files there have no
  /// path.
  package private(set) var pathless: [String] = []
  /// Whether the container's own root finds files whatever the case of their names. Overlays can do so since Linux 7.
  package private(set) var rootFoldsCase = false
  private var bytes = 0

  /// - Parameters:
  ///   - mounts: as the process sees them from its own root.
  ///   - rootDevice: the overlay whose files have the paths of the image; 0: there is none.
  ///   - named: they come first if there are more mounts than are noted.
  package init(
    pid: UInt32, mounts: [MountInfo], rootDevice: UInt32, named: [Named]
  ) throws(EnforcementError) {
    do {
      let root = try FileDescriptor(open: "/proc/\(pid)/root", O_RDONLY | O_DIRECTORY)
      rootFoldsCase = rootDevice != 0 && FileSystem.foldsCase(root)
      let remote = mounts.filter(\.isRemote).map { $0.point + "/" }
      func isOnServer(_ path: String) -> Bool { remote.contains { path.hasPrefix($0) } }
      let ids = try Self.ids(of: named, mounts, in: root, isOnServer)
      func isFirst(_ mount: MountInfo) -> Bool { Self.isRuntimes(mount) || ids.named.contains(mount.id) }
      let relevant = Self.relevant(mounts, rootDevice: rootDevice)
      for mount in relevant.filter(isFirst) + relevant.filter({ !isFirst($0) }) {
        try add(mount, in: root, isAtomic: ids.atomic.contains(mount.id), cached: isOnServer(mount.point))
      }
    } catch { throw .unreadableProcess(pid: pid, error) }
  }

  /// Leaves out the container's own overlay, and what only repeats the paths of another mount: the runtime mounts
  /// folders of /proc and /sys onto themselves to make them read-only. In other file systems names can change.
  package static func relevant(_ mounts: [MountInfo], rootDevice: UInt32) -> [MountInfo] {
    mounts.filter { mount in
      if rootDevice != 0, mount.device == rootDevice, mount.type == "overlay" { return false }
      guard ["proc", "sysfs"].contains(mount.type) else { return true }
      return !mounts.contains { other in
        other.device == mount.device && other.root == "/" && other.id != mount.id
          && mount.point == other.point + mount.root
      }
    }
  }

  /// Whether every container has it. What hides folders of /proc and /sys comes after all others.
  private static func isRuntimes(_ mount: MountInfo) -> Bool {
    if hides(mount) { return false }
    return mount.point == "/"
      || ["/proc", "/dev", "/sys"].contains { mount.point == $0 || mount.point.hasPrefix($0 + "/") }
  }

  private static func hides(_ mount: MountInfo) -> Bool {
    mount.type == "tmpfs" && (mount.point.hasPrefix("/proc/") || mount.point.hasPrefix("/sys/"))
  }

  /// Which of the mounts are named. A destination through links is looked for, unless it lies on a server.
  private static func ids(
    of named: [Named], _ mounts: [MountInfo], in root: FileDescriptor, _ isOnServer: (String) -> Bool
  ) throws(Errno) -> (named: Set<UInt64>, atomic: Set<UInt64>) {
    var (all, atomic): (Set<UInt64>, Set<UInt64>) = ([], [])
    for name in named {
      var id = mounts.last { $0.point == name.destination }?.id
      if id == nil, !isOnServer(name.destination) { id = try self.id(name.destination, in: root) }
      guard let id else { continue }
      all.insert(id)
      if name.isAtomic { atomic.insert(id) }
    }
    return (all, atomic)
  }

  private static func id(_ path: String, in root: FileDescriptor) throws(Errno) -> UInt64? {
    try orNil { () throws(Errno) in
      guard let found = try FileSystem.find(path, in: root, withLinks: true) else { return nil }
      return try FileSystem.mounted(found).mountID
    }
  }

  /// nil: one mount cannot be looked at, which is no reason to refuse the start. What the whole node lacks is one.
  private static func orNil<Value>(_ body: () throws(Errno) -> Value?) throws(Errno) -> Value? {
    do { return try body() } catch {
      if [EMFILE, ENFILE, ENOMEM].contains(error.code) { throw error }
      return nil
    }
  }

  private mutating func add(
    _ mount: MountInfo, in root: FileDescriptor, isAtomic: Bool, cached: Bool
  ) throws(Errno) {
    // nil: another mount covers it. What covers it is in the list too.
    var isCovered = false
    let look = try Self.orNil { () throws(Errno) -> (FileDescriptor, isNull: Bool)? in
      guard let found = try FileSystem.find(mount.point, in: root, withLinks: false, cached: cached) else {
        isCovered = true
        return nil
      }
      let mounted = try FileSystem.mounted(found)
      isCovered = mounted.mountID != mount.id
      return isCovered ? nil : (found, mounted.isNull)
    }
    if isCovered { return }
    // The runtime hides files of /proc behind /dev/null. It would have their paths too, and hides nothing that a rule
    // could protect.
    if look?.isNull == true, mount.point != "/dev/null" { return }
    let point = mount.point == "/" ? "" : mount.point
    guard let root = look?.0, volumes.count < Volume.maximumCount, point.utf8.count <= Volume.mountPointMaximumBytes,
      bytes + point.utf8.count <= Volume.mountPointsMaximumBytes
    else {
      if !Self.hides(mount) { pathless.append(mount.point) }
      return
    }
    bytes += point.utf8.count
    volumes.append(Volume(root: root, mountPoint: point, isAtomic: isAtomic))
  }
}
