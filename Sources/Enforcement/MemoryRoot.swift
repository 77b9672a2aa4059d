import System

/// The root of the hierarchy by which this node counts memory. What a task in this root makes has no limit.
package enum MemoryRoot: Equatable, Sendable {
  /// No hierarchy counts memory, so nothing is limited.
  case notCounted
  /// The `cgroup.procs` by which a task joins it.
  case at(procs: String)
  case outOfReach(String)

  private static let controller: Substring = "memory"

  /// This node's.
  package static var found: MemoryRoot {
    do { return MemoryRoot(mountInfo: try Files.text("/proc/self/mountinfo")) } catch {
      return .outOfReach("\(error)")
    }
  }

  package var procs: String? {
    if case .at(let procs) = self { procs } else { nil }
  }

  package var problem: String? {
    if case .outOfReach(let why) = self { why } else { nil }
  }

  /// What follows from `BPFBackend.memoryProblem`.
  package static let consequence =
    "memory for binding containers' tasks is charged to the cgroup of the Stockade that started first: if that has a "
    + "limit, one container can use it up, and then no confined container's tasks get children"

  /// - Parameter mountInfo: the text of `/proc/self/mountinfo`; proc(5).
  package init(mountInfo: String) {
    let counting = Self.mounts(mountInfo)
    if counting.isEmpty {
      self = .notCounted
    } else if let root = counting.first(where: Self.isRoot) {
      self = .at(procs: "\(root.folder)/cgroup.procs")
    } else {
      self = .outOfReach("no mount here shows the root of the hierarchy that counts memory")
    }
  }

  /// The mounts of the hierarchy that counts memory.
  private static func mounts(_ mountInfo: String) -> [CgroupMount] {
    let mounts = CgroupMount.all(in: mountInfo)
    let v1 = mounts.filter { $0.controllers.contains(controller) }
    return v1.isEmpty ? mounts.filter { $0.isV2 && countsMemory($0.folder) } : v1
  }

  /// A mount that shows the whole hierarchy, or what this process's cgroup namespace has of it.
  static func mount(mountInfo: String) -> CgroupMount? { mounts(mountInfo).first(where: \.isWhole) }

  /// The path of a process in the hierarchy that counts memory; empty: its root.
  ///
  /// - Parameter text: of `/proc/PID/cgroup`.
  static func path(ofProcess text: String) -> String {
    let v1 = CgroupHierarchy.path(ofProcess: text, v1: controller)
    let path = v1 ?? CgroupHierarchy.path(ofProcess: text, v1: nil) ?? "/"
    return path == "/" ? "" : path
  }

  private static func countsMemory(_ folder: String) -> Bool {
    let controllers = (try? Files.text("\(folder)/cgroup.controllers")) ?? ""
    return controllers.split(whereSeparator: \.isWhitespace).contains(controller)
  }

  /// In a cgroup namespace every mount seems whole. Only the true root has `release_agent` in v1, and lacks
  /// `cgroup.type` in v2.
  private static func isRoot(_ mount: CgroupMount) -> Bool {
    guard mount.isWhole else { return false }
    return mount.isV2
      ? Files.exists("\(mount.folder)/cgroup.procs") && !Files.exists("\(mount.folder)/cgroup.type")
      : Files.exists("\(mount.folder)/release_agent")
  }
}
