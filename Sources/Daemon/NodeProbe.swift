import BPF
import Enforcement
import Glibc
import Policy
import System

/// Finds out what this node can enforce by trying it, apart from a Stockade that runs.
package enum NodeProbe {
  /// What was proved. Needs root. The calling thread gets a mount namespace of its own, and nothing else is left.
  ///
  /// - Throws: `Errno` where the trying itself is not possible here; a node where nothing can be loaded is no error.
  package static func capabilities() throws(Errno) -> NodeCapabilities {
    let hierarchy = try CgroupHierarchy.current()
    let folder = try mountBPFFileSystem()
    // Of the namespace that this process is in by now: the number of the one before may be given to another.
    let namespace = UInt64(try Files.status("/proc/self/ns/mnt").st_ino)
    do throws(BPFError) {
      let kernel = try BPFKernel(pinFolder: folder, runtimeMountNamespace: namespace, hierarchy: hierarchy)
      let found = NodeCapabilities(
        tier: kernel.tier, tierReason: kernel.tierReason, networkProblem: kernel.networkProblem)
      // What cannot be taken out goes with the mount namespace.
      try? kernel.removeAll()
      return found
    } catch {
      return NodeCapabilities(tier: .none, tierReason: "\(error)", networkProblem: "\(error)")
    }
  }

  /// In a mount namespace of this process, so that no pin of a running Stockade is seen or touched.
  ///
  /// - Returns: the folder for pins.
  private static func mountBPFFileSystem() throws(Errno) -> String {
    let folder = "/sys/fs/bpf"
    try MountNamespace.enter()
    try call("mount a bpf file system on \(folder)") { mount("stockade", folder, "bpf", 0, "mode=0700") }
    return folder + "/stockade"
  }
}
