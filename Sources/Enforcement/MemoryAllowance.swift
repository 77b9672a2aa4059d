import System

/// The least memory that a cgroup of this process, or one above it, lets it use.
package struct MemoryAllowance: Equatable, Sendable {
  package var bytes: UInt64
  /// Where the limit stands.
  package var file: String

  package init(bytes: UInt64, file: String) { (self.bytes, self.file) = (bytes, file) }

  /// While the programs are loaded, the kernel ends a process that has less, and then nobody says why.
  package static let neededBytes: UInt64 = 32 << 20

  /// nil: there is no limit, or none that can be read.
  package static var ofThisProcess: MemoryAllowance? {
    guard let mounts = try? Files.text("/proc/self/mountinfo"), let cgroups = try? Files.text("/proc/self/cgroup")
    else {
      return nil
    }
    return MemoryRoot.mount(mountInfo: mounts).flatMap { mount in
      least(below: mount.folder, path: MemoryRoot.path(ofProcess: cgroups), isV2: mount.isV2)
    }
  }

  /// - Parameters:
  ///   - folder: where the hierarchy is mounted.
  ///   - path: of the cgroup in it.
  package static func least(below folder: String, path: String, isV2: Bool) -> MemoryAllowance? {
    let name = isV2 ? "memory.max" : "memory.limit_in_bytes"
    let limits = ([""] + path.pathsFromTop).compactMap { cgroup -> MemoryAllowance? in
      let file = "\(folder)\(cgroup)/\(name)"
      // A cgroup without a limit says `max`.
      let bytes = (try? Files.text(file))?.parts(between: "\n").first.flatMap { UInt64($0) }
      return bytes.map { MemoryAllowance(bytes: $0, file: file) }
    }
    return limits.min { $0.bytes < $1.bytes }
  }

  /// Why nothing can be loaded; nil: it is enough.
  package var problem: String? {
    if bytes >= Self.neededBytes { return nil }
    return
      "its cgroup lets it use \(bytes) bytes of memory (\(file)), and loading takes \(Self.neededBytes); raise the "
      + "limit"
  }
}
