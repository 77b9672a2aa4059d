import BPF
import Compilation
import Enforcement
import Glibc
import Policy
import PolicyTesting
import Synchronization
import System
import Testing

/// A container's cgroup, a folder of programs, and a process in that cgroup with a mount namespace of its own.
final class ExecWorld {
  private static let count = Atomic<Int>(0)

  let bench: ExecBench
  let cgroupPath: String
  let cgroupID: CgroupID
  /// Of programs; without symlinks.
  let folder: String
  let actor: PythonActor
  private(set) var revision: Revision?

  init(_ bench: ExecBench? = nil) throws {
    self.bench = try bench ?? ExecBench.shared()
    let name = "stockade-test-\(getpid())-\(Self.count.add(1, ordering: .relaxed).newValue)"
    cgroupPath = "\(NetworkBench.cgroupRoot)/\(name)"
    try Files.makeFolder(cgroupPath)
    cgroupID = CgroupID(UInt64(try Files.status(cgroupPath).st_ino))
    folder = "/tmp/\(name)"
    try Files.makeFolder(folder)
    actor = try PythonActor(launcher: [], prelude: ExecActor.prelude)
    actor.run("private()")
    actor.run("join('\(cgroupPath)')")
  }

  deinit {
    actor.run("os.chdir('/')")
    actor.end()
    try? bench.policy.removeContainer(cgroupID)
    if let revision { try? bench.policy.removePolicy(revision) }
    removeCgroup(cgroupPath)
    removeTree(folder)
  }

  /// Puts the container under this section; again: a reload.
  func apply(
    _ process: ProcessSection?, mode: Mode = .enforce, rootDevice: UInt32 = 0, withoutNewExecutables: Bool = false,
    ranBefore: Bool = false
  ) throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.process = process
    profile.mode = mode
    try apply(profile, rootDevice: rootDevice, withoutNewExecutables: withoutNewExecutables, ranBefore: ranBefore)
  }

  func apply(
    _ profile: Profile, rootDevice: UInt32 = 0, withoutNewExecutables: Bool = false,
    ranBefore: Bool = false, isRecorded: Bool = false
  ) throws {
    let compiled = try PolicyCompiler.compile(profile, isRecorded: isRecorded).reduced(
      to: .signal, hasNetwork: false, withoutNewExecutables: withoutNewExecutables)
    let old = revision
    let new = bench.nextRevision()
    revision = new
    try bench.policy.install(compiled, revision: new)
    try enter(rootDevice: rootDevice, ranBefore: ranBefore)
    if let old { try bench.policy.removePolicy(old) }
  }

  func enter(
    state: ContainerEntry.State = .open, rootDevice: UInt32 = 0, ranBefore: Bool = false, hasVolumes: Bool = false,
    audit: AuditDeadline? = nil
  ) throws {
    try enter(
      revision: revision, state: state, rootDevice: rootDevice, ranBefore: ranBefore, hasVolumes: hasVolumes,
      audit: audit)
  }

  func enter(
    revision: Revision?, state: ContainerEntry.State = .open, rootDevice: UInt32 = 0, ranBefore: Bool = false,
    hasVolumes: Bool = false, audit: AuditDeadline? = nil
  ) throws {
    try bench.policy.put(
      ContainerEntry(
        cgroupID: cgroupID, revision: revision, state: state, rootDevice: rootDevice, ranBefore: ranBefore,
        hasVolumes: hasVolumes, audit: audit))
  }

  /// A copy of the test program. Returns its path.
  func program(_ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    if let slash = name.lastIndex(of: "/") { try Files.makeFolder("\(folder)/\(name[..<slash])") }
    try bench.writeProgram(to: path)
    return path
  }

  @discardableResult
  func run(_ line: String) -> String { actor.run(line) }

  /// What became of one exec of the program.
  func start(_ path: String, _ arguments: String...) -> String {
    run("run(\(([path] + arguments).map { "'\($0)'" }.joined(separator: ", ")))")
  }

  /// Makes the actor itself a process of the container, so that it has the mark.
  func become() { #expect(run("become()") == "ok") }

  /// The actor's own program.
  var interpreter: String { run("os.path.realpath(sys.executable)") }

  var events: [KernelEvent] { bench.events(of: cgroupID) }
}

/// rmdir(2), children first.
func removeCgroup(_ path: String) {
  for name in (try? Files.names(in: path)) ?? [] {
    let inner = "\(path)/\(name)"
    if let status = try? Files.status(inner), status.st_mode & S_IFMT == S_IFDIR { removeCgroup(inner) }
  }
  rmdir(path)
}

/// Removes a folder of tests and everything in it, however deep, without following symlinks.
func removeTree(_ name: String, in parent: Int32 = AT_FDCWD) {
  if unlinkat(parent, name, 0) == 0 { return }
  let number = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
  if number == -1 { return }
  let folder = FileDescriptor(owning: number)
  for inner in (try? Files.names(in: "/proc/self/fd/\(number)")) ?? [] { removeTree(inner, in: folder.number) }
  unlinkat(parent, name, AT_REMOVEDIR)
}
