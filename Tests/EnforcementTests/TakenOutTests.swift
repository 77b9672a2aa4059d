import Enforcement
import Glibc
import System
import Testing

/// What a Stockade leaves that has taken everything out of the kernel.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why))
struct TakenOutTests {
  @Test("a look that comes afterwards finds nothing, and puts nothing back")
  func look() throws {
    let mount = try NetworkBench.bpfFileSystem()
    let folder = "/proc/self/fd/\(mount.number)/stockade"
    let kernel = try BPFBackend(
      pinFolder: folder, runtimeMountNamespace: UInt64(ExecBench.mountNamespace()),
      hierarchy: try CgroupHierarchy.current())
    #expect(kernel.mend() == .inCharge([]))
    try kernel.removeAll()
    #expect(kernel.mend() == .inCharge([]))
    #expect(!Files.exists(folder))
  }
}
