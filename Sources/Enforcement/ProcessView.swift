import Glibc
import System

/// What `/proc/PID` tells of a container's first process while it is parked before its exec.
package struct ProcessView: Equatable, Sendable {
  package let pid: UInt32
  /// Field 22 of stat: start time in clock ticks since boot.
  package let startTicks: UInt64
  package let mountNamespace: UInt64
  /// Path in the hierarchy where containers are found; nil: the process is in none.
  package let cgroup: String?
  package let status: String
  /// The status of its parent, the shim. On a node that is itself filtered, the shim's filters are not the container's.
  package let parentStatus: String
  /// `s_dev` of the root file system as the kernel encodes it: major << 20 | minor. 0: the root is not a whole overlay,
  /// so an image's files cannot be told from others.
  package let rootDevice: UInt32
  package var rootIsOverlay: Bool { rootDevice != 0 }
  /// Whether a server has to be asked for what is in the root.
  package let rootIsRemote: Bool
  /// What the root is mounted from. nil: the root is no overlay, or has layers that cannot be told from others.
  let rootLayers: KnownImages.Layers?
  /// As the process sees them from its own root.
  let mounts: [MountInfo]
  /// Whether folders of the image can be renamed in the root overlay.
  package let rootMovesFolders: Bool

  package init(pid: UInt32, in hierarchy: CgroupHierarchy) throws(EnforcementError) {
    guard pid > 0 else { throw .noPID }
    let folder = "/proc/\(pid)"
    do {
      self.pid = pid
      startTicks = try ProcessStat.startTicks(in: folder)
      mountNamespace = UInt64(try Files.status(folder + "/ns/mnt").st_ino)
      cgroup = hierarchy.path(ofProcess: try Files.text(folder + "/cgroup"))
      status = try Files.text(folder + "/status")
      parentStatus = try Files.text("/proc/\(Self.parent(ofStatus: status))/status")
      let isOverlay = try FileSystem.isOverlay(folder + "/root/")
      mounts = MountInfo.all(in: try Files.text(folder + "/mountinfo"))
      // Its own root is / if it is a file system as a whole, and not a folder of one. What was mounted last on / hides
      // what was mounted there before. proc(5), mountinfo.
      let root = mounts.last { $0.point == "/" }
      let isWhole = root?.root == "/"
      rootIsRemote = root?.isRemote ?? false
      rootLayers = isOverlay && isWhole ? root.flatMap { KnownImages.Layers($0) } : nil
      rootMovesFolders = isOverlay && isWhole && root?.movesFolders() != false
      rootDevice =
        isOverlay && isWhole ? FileSystem.kernelDevice(try Files.status(folder + "/root/").st_dev) : 0
    } catch {
      throw .unreadableProcess(pid: pid, error)
    }
  }

  /// Whether a process of the container can have CAP_NET_RAW: it is in the bounding set, or the text has no such set.
  package static func hasNetRaw(inStatus text: String) -> Bool {
    ProcFields.values(of: "CapBnd", in: text).isEmpty
      || Capabilities.available(inStatus: text).contains("CAP_NET_RAW")
  }

  /// Throws if the parent cannot be seen: otherwise filters that the parent might have would pass for the container's
  /// own.
  package static func parent(ofStatus text: String) throws(Errno) -> UInt32 {
    guard let parent = ProcFields.values(of: "PPid", in: text).first.flatMap({ UInt32($0) }), parent > 0 else {
      throw Errno(ESRCH, "find the parent of a process")
    }
    return parent
  }
}
