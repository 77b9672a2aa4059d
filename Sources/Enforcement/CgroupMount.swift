import System

/// A mount of a cgroup hierarchy, as `/proc/self/mountinfo` tells of it; proc(5).
struct CgroupMount: Equatable {
  var folder: String
  var isV2: Bool
  /// The controllers of a v1 hierarchy. A v2 hierarchy says them in a file.
  var controllers: [Substring]
  /// Whether the mount's root is the hierarchy's root, or the root of this process's cgroup namespace.
  var isWhole: Bool

  static func all(in mountInfo: String) -> [CgroupMount] {
    MountInfo.all(in: mountInfo).filter { $0.type == "cgroup2" || $0.type == "cgroup" }.map { mount in
      CgroupMount(
        folder: mount.point, isV2: mount.type == "cgroup2",
        controllers: mount.type == "cgroup" ? mount.superOptions : [], isWhole: mount.root == "/")
    }
  }
}
