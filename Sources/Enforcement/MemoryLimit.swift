import Glibc
import System

/// Limits the memory of this process for a while. In a cgroup of its own, the process may use hardly more than it uses
/// now.
package struct MemoryLimit {
  /// What the process may still use. It is less than the marks of the crowd need that is tried meanwhile.
  private static let leftBytes = 512 << 10

  private let cgroup: ScratchCgroup
  private var folder: String { cgroup.path }
  private let home: String

  /// - Parameter root: the root of the hierarchy that counts memory.
  package init(below root: MemoryRoot) throws(Errno) {
    guard let procs = root.procs else {
      throw Errno(ENOTSUP, "limit this process's memory: \(root.problem ?? "no hierarchy counts memory")")
    }
    let base = Files.folder(of: procs)
    home = "\(base)\(MemoryRoot.path(ofProcess: try Files.text("/proc/self/cgroup")))/cgroup.procs"
    cgroup = try ScratchCgroup(in: base, kind: "stockade-limit")
  }

  /// Call `leave` after an error too.
  package func enter() throws(Errno) {
    try Files.write("\(getpid())", to: "\(folder)/cgroup.procs")
    let use = try Files.text("\(folder)/\(isV2 ? "memory.current" : "memory.usage_in_bytes")")
    let bytes = Int(use.split(separator: "\n").first ?? "") ?? 0
    try Files.write("\(bytes + Self.leftBytes)", to: file)
  }

  /// Back to where this process was, so that the cgroup can go. Best effort: it ends soon.
  package func leave() {
    try? Files.write(isV2 ? "max" : "-1", to: file)
    try? Files.write("\(getpid())", to: home)
  }

  private var isV2: Bool { Files.exists("\(folder)/memory.max") }
  private var file: String { "\(folder)/\(isV2 ? "memory.max" : "memory.limit_in_bytes")" }
}
