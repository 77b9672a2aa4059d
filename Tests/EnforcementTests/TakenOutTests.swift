import Enforcement
import Glibc
import System
import Testing

/// What a Stockade leaves that has taken everything out of the kernel.
@Suite(.enabled(if: ExecBench.isPossible, ExecBench.why))
struct TakenOutTests {
  private let mount: FileDescriptor
  private let folder: String
  private let kernel: BPFBackend

  init() throws {
    mount = try NetworkBench.bpfFileSystem()
    folder = "/proc/self/fd/\(mount.number)/stockade"
    kernel = try BPFBackend(
      pinFolder: folder, runtimeMountNamespace: UInt64(ExecBench.mountNamespace()),
      hierarchy: try CgroupHierarchy.current())
  }

  @Test("a look that comes afterwards finds nothing, and puts nothing back")
  func look() throws {
    #expect(kernel.mend() == .inCharge([]))
    try kernel.removeAll()
    #expect(kernel.mend() == .inCharge([]))
    #expect(!Files.exists(folder))
  }

  @Test("programs that are loaded later pin nothing, also when everything was taken out meanwhile")
  func late() throws {
    let pins = try Files.names(in: folder).sorted()
    _ = try kernel.syscallPrograms()
    #expect(try Files.names(in: folder).sorted() == pins)
    try kernel.removeAll()
    _ = try kernel.syscallPrograms()
    #expect(!Files.exists(folder))
  }
}
