import BPF
import CBPF
import Compilation
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

  let policy: PolicyMaps
  let folder: String
  /// A static program that writes `ran` and nothing else.
  let program: [UInt8]
  private let mount: FileDescriptor
  private let revisions = Atomic<UInt64>(1)
  private let reader: Mutex<EventReader>
  private let received = Mutex<[KernelEvent]>([])

  /// - Parameters:
  ///   - makers: the `cgroup.procs` of the cgroup whose memory marks are.
  ///   - cgroupV1: containers are found in the v1 hierarchy of the controller pids.
  ///   - judging: loads what judges execs.
  init(
    makers: String? = nil, cgroupV1: Bool = false,
    judging: (PolicyMaps) throws -> Void = { try $0.judgeExecs(filesAreJudged: false) }
  ) throws {
    mount = try NetworkBench.bpfFileSystem()
    folder = "/proc/self/fd/\(mount.number)/stockade"
    policy = try PolicyMaps(
      pinFolder: folder, runtimeMountNamespace: Self.mountNamespace(), cgroupV1: cgroupV1, makers: makers)
    try judging(policy)
    reader = Mutex(try EventReader(shared: policy.shared))
    program = try Self.compiledProgram.get()
  }

  /// Writes the program, and waits until nobody has it open for writing: what other tests start meanwhile has, until it
  /// executes something, whatever is open here, and such a file cannot be executed. F_SETLEASE of fcntl(2), whose name
  /// is behind _GNU_SOURCE.
  func writeProgram(to path: String) throws {
    try FileDescriptor(open: path, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o755).write(program)
    let setLease: Int32 = 1024
    let file = try FileDescriptor(open: path, O_RDONLY)
    while fcntl(file.number, setLease, F_RDLCK) == -1 {
      guard errno == EAGAIN else { throw Errno(errno, "wait until \(path) is written") }
      sched_yield()
    }
    _ = fcntl(file.number, setLease, F_UNLCK)
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

  func nextRevision() -> Revision { Revision(revisions.add(1, ordering: .relaxed).oldValue) }

  /// Takes the policy of a revision out, and gives the next revision.
  func replace(_ revision: inout Revision) {
    try? policy.removePolicy(revision)
    revision = nextRevision()
  }

  func install(_ profile: Profile, revision: Revision) throws {
    try policy.install(
      PolicyCompiler.compile(profile).reduced(to: .signal, hasNetwork: false, withoutNewExecutables: false),
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

  /// One at a time: what is not wanted yet comes with the next reading.
  private func leavesSome(_ reader: EventReader) -> Bool {
    let isLast = try? reader.read { event in
      received.withLock { $0.append(event) }
      return false
    }
    return isLast == false
  }

  /// Everything so far; no program reports after the exec that it judged, so nothing has to be waited for.
  func events(of cgroupID: CgroupID) -> [KernelEvent] {
    reader.withLock { reader in while leavesSome(reader) {} }
    return received.withLock { $0.filter { $0.cgroupID == cgroupID } }
  }
}
