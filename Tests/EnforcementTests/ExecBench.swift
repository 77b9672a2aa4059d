import BPF
import CBPF
import CStockade
import Enforcement
import Glibc
import Policy
import Synchronization
import System
import Testing

/// The exec programs, loaded once for all tests, with their pins on a bpf file system that nobody else sees.
final class ExecBench: Sendable {
  /// Not whether the programs can be loaded: where they cannot, the tests fail.
  static let isPossible = NetworkBench.isPossible
  static let why = NetworkBench.why

  private static let compiledProgram = Result { try compiled() }
  private static let loaded = Mutex<ExecBench?>(nil)

  static func shared() throws -> ExecBench {
    try loaded.withLock {
      if $0 == nil { $0 = try ExecBench() }
      return $0!
    }
  }

  let policy: KernelPolicy
  let folder: String
  /// A static program that writes `ran` and nothing else.
  let program: [UInt8]
  private let mount: FileDescriptor
  private let revisions = Atomic<UInt64>(1)
  private let reader: Mutex<EventReader>
  private let received = Mutex<[KernelEvent]>([])

  init() throws {
    mount = try NetworkBench.bpfFileSystem()
    folder = "/proc/self/fd/\(mount.number)/stockade"
    policy = try KernelPolicy(pinFolder: folder, runtimeMountNamespace: Self.mountNamespace())
    try policy.judgeExecs(filesAreJudged: false)
    reader = Mutex(try EventReader(shared: policy.shared))
    program = try Self.compiledProgram.get()
  }

  static func mountNamespace() throws -> UInt32 {
    UInt32(truncatingIfNeeded: try Files.status("/proc/self/ns/mnt").st_ino)
  }

  private static func compiled() throws -> [UInt8] {
    let path = "/tmp/stockade-test-\(getpid())-program"
    defer { unlink(path) }
    try Files.write("#include <unistd.h>\nint main(void) { return write(1, \"ran\", 3) != 3; }\n", to: "\(path).c")
    defer { unlink("\(path).c") }
    let words = ["cc", "-static", "-O1", "-o", path, "\(path).c"]
    var arguments = words.map { strdup($0) } + [nil]
    defer { arguments.forEach { free($0) } }
    var compiler: pid_t = 0
    let code = posix_spawnp(&compiler, "cc", nil, nil, &arguments, environ)
    if code != 0 { throw Errno(code, "start cc") }
    var status: Int32 = 0
    try call("wait for cc") { waitpid(compiler, &status, 0) }
    return try Files.read(path)
  }

  func nextRevision() -> UInt64 { revisions.add(1, ordering: .relaxed).oldValue }

  func install(_ profile: Profile, revision: UInt64) throws {
    try policy.install(
      PolicyCompiler.compile(profile, tier: .signal, hasNetwork: false, withoutNewExecutables: false),
      revision: revision)
  }

  /// How many elements a map has.
  func count<Key: BitwiseCopyable>(_ name: String, _ zero: Key) throws -> Int { try keys(name, zero).count }

  func keys<Key: BitwiseCopyable>(_ name: String, _ zero: Key) throws -> [Key] {
    let map = try policy.shared.descriptor(name)!.number
    var (keys, next): ([Key], Key) = ([], zero)
    while bpf_map_get_next_key(map, keys.last.map { [$0] }, &next) == 0 { keys.append(next) }
    return keys
  }

  /// Everything so far; no program reports after the exec that it judged, so nothing has to be waited for.
  func events(of cgroupID: UInt64) -> [KernelEvent] {
    reader.withLock { reader in
      try? reader.read { event in received.withLock { $0.append(event) } }
    }
    return received.withLock { $0.filter { $0.header.cgroup_id == cgroupID } }
  }
}
