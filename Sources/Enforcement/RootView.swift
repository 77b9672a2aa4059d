import BPF
import Glibc
import Policy
import System

/// What lies at a path in a container's root, or in an image's tree. Looks at the tree alone and crosses into no mount:
/// a server could keep whoever asks it waiting. Opens nothing.
package struct RootView: Sendable {
  private let root: FileDescriptor
  /// The mounts below the root, by their points. Of several mounts at one point, the last one counts.
  private let types: [String: String]

  /// The root of a process.
  ///
  /// - Returns: nil: the root is no overlay, so it may be a server's.
  package init?(pid: UInt32) throws(Errno) {
    let folder = "/proc/\(pid)"
    root = try FileSystem.root(folder + "/root")
    let mounts = MountInfo.all(in: try Files.text(folder + "/mountinfo"))
    types = Dictionary(mounts.map { ($0.point, $0.type) }) { $1 }
    guard types["/"] == "overlay" else { return nil }
  }

  /// The tree of an image. What the runtime mounts in each container counts as mounted.
  package init(folder: String) throws(Errno) {
    root = try FileSystem.root(folder)
    types = ["/proc": "proc", "/sys": "sysfs", "/dev": "tmpfs"]
  }

  /// Where links lead a profile's rules, if every file is the image's own.
  package func aliases(of profile: Profile) throws(EnforcementError) -> RuleAliases {
    var links = ImageLinks(root: root) { _ throws(EnforcementError) in FileLook(isOfImage: true, isRoot: false) }
    return try links.aliases(of: profile, RulePaths(of: profile))
  }

  package func facts(_ path: String) -> PathFacts {
    if let mount = mount(of: path) { return mount }
    do {
      guard let found = try FileSystem.find(path, in: root, withLinks: true, oneMount: true) else {
        return try missing(path)
      }
      return Self.facts(of: try found.status(path), path)
    } catch { return .unknown }
  }

  private static func facts(of status: stat, _ path: String) -> PathFacts {
    switch status.st_mode & S_IFMT {
    case S_IFDIR: return .folder
    case S_IFREG:
      // Libraries need no permission to be mapped as code.
      let name = path.utf8.split(separator: UInt8(ascii: "/")).last.map { String($0) ?? "" } ?? ""
      return .file(isProgram: status.st_mode & 0o111 != 0 || name.contains(".so"))
    default: return .special
    }
  }

  /// The mount on which a path lies, if it is not the root's.
  private func mount(of path: String) -> PathFacts? {
    var point = path
    while point != "/" {
      if let type = types[point] { return .onMount(point, type: type) }
      point = Files.folder(of: point)
    }
    return nil
  }

  /// Whether the nearest thing above the path that is there is a file.
  private func missing(_ path: String) throws(Errno) -> PathFacts {
    var above = Files.folder(of: path)
    while above != "/" {
      if let found = try FileSystem.find(above, in: root, withLinks: true, oneMount: true) {
        let isFile = try found.status(above).st_mode & S_IFMT != S_IFDIR
        return isFile ? .belowFile(above) : .missing
      }
      above = Files.folder(of: above)
    }
    return .missing
  }
}
