import BPF
import Enforcement
import Glibc
import Policy
import System

/// Cgroups in which pods are made, and a node gate of their own: pins, programs and tables that no other test has.
final class NodeGateWorld {
  static let root = NetworkBench.cgroupRoot
  static let uid = "0f6e4c1e-5d0a-4f0e-9d3b-2f1c6a7b8c9d"
  static let staticUID = "0123456789abcdef0123456789abcdef"
  /// Of all that belongs to it: tests of it run one after the other.
  private static let bench = Result { try ExecBench() }

  let bench: ExecBench
  var gate: NodeGate { bench.policy.nodeGate }
  /// From the hierarchy's root.
  let parent: String
  var wanted: NodeConfiguration.NodeGate
  private let folder: String
  private let shim: PythonActor

  init(existing: Bool = true) throws {
    bench = try Self.bench.get()
    let name = "stockade-test-node-\(UInt64.random(in: 0...UInt64.max))"
    (parent, folder) = ("/\(name)", "/tmp/\(name)")
    wanted = NodeConfiguration.NodeGate()
    (wanted.enabled, wanted.parents) = (true, ["/\(name)", "/\(name)/burstable"])
    shim = try Self.newShim()
    try Files.makeFolder(folder)
    try bench.writeProgram(to: "\(folder)/program")
    if existing { try make("") }
  }

  deinit {
    shim.run("end(globals().get('all_stays', []))")
    try? closing.open()
    try? gate.open(until: 0)
    removeCgroup(Self.root + parent)
    removeTree(folder)
  }

  var closing: NodeGateClosing { NodeGateClosing(gate, root: Self.root) }

  @discardableResult
  func close() throws -> NodeGateClosing.Outcome { try closing.close(wanted) }

  /// - Parameter path: from the parent.
  @discardableResult
  func make(_ path: String) throws -> CgroupID {
    try Files.makeFolder(directory(path))
    return try id(path)
  }

  func remove(_ path: String) { removeCgroup(directory(path)) }
  func id(_ path: String) throws -> CgroupID { try Cgroup(directory: directory(path)).id }
  func state(_ path: String) throws -> GateState? { try gate.gates.state(try id(path)) }

  static func newShim() throws -> PythonActor { try PythonActor(launcher: [], prelude: ExecActor.prelude) }

  func directory(_ path: String) -> String { Self.root + parent + (path.isEmpty ? "" : "/\(path)") }

  func waitUntilEmpty(_ path: String) {
    while (try? Cgroup(directory: directory(path)).isEmpty()) == false { sched_yield() }
  }

  /// As the daemon writes what the runtime says of a pod's sandbox.
  func writeDown(_ sandbox: SandboxEntry, of pod: String) throws {
    try bench.policy.setGate(try id(pod), .closed, sandbox: sandbox)
  }

  /// What becomes of a program that is executed there and ends at once.
  func start(in path: String, by another: PythonActor? = nil) -> String {
    (another ?? shim).run("contain('\(directory(path))', '\(folder)', '/program')")
  }

  /// A process that executes nothing and is there until the end.
  func stay(in path: String) {
    shim.run("stays = Sleeper()")
    shim.run("join('\(directory(path))', stays.pid)")
    shim.run("all = globals().get('all_stays', []); all_stays = all + [stays]")
  }

  /// The pod's sandbox lives, and a container that nobody let through does not.
  func isHeldBack(_ pod: String) throws -> Bool {
    try make("\(pod)/sandbox")
    try make("\(pod)/container")
    return start(in: "\(pod)/sandbox") == "ran" && start(in: "\(pod)/container") == "killed"
  }
}
