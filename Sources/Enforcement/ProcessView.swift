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

  package init(pid: UInt32, in hierarchy: CgroupHierarchy) throws(EnforcementError) {
    guard pid > 0 else { throw .noPID }
    let folder = "/proc/\(pid)"
    do throws(Errno) {
      self.pid = pid
      startTicks = try ProcessStat.startTicks(in: folder)
      mountNamespace = UInt64(try Files.status(folder + "/ns/mnt").st_ino)
      cgroup = hierarchy.path(ofProcess: try Files.text(folder + "/cgroup"))
      status = try Files.text(folder + "/status")
      parentStatus = try Files.text("/proc/\(Self.parent(ofStatus: status))/status")
      let isOverlay = try FileSystem.isOverlay(folder + "/root/")
      let isWhole = Self.rootIsWhole(mountInfo: try Files.text(folder + "/mountinfo"))
      rootDevice =
        isOverlay && isWhole ? FileSystem.kernelDevice(try Files.status(folder + "/root/").st_dev) : 0
    } catch {
      throw .unreadableProcess(pid: pid, error)
    }
  }

  /// Whether `/` is a file system from its own root on, and not a folder of a file system. proc(5), mountinfo.
  static func rootIsWhole(mountInfo: String) -> Bool {
    // What was mounted last on / hides what was mounted there before.
    let roots = mountInfo.split(separator: "\n").map { $0.split(separator: " ") }.filter {
      $0.count > 4 && $0[4] == "/"
    }
    return roots.last?[3] == "/"
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
