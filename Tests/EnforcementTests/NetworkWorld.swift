import BPF
import CStockade
import Compilation
import Enforcement
import Glibc
import Policy
import PolicyTesting
import Synchronization
import System

/// A network namespace with two processes: one in a container's cgroup, one outside it. Both have the addresses
/// 10.9.0.1 to 9 and fd00:9::1 to 9; by custom the container is 1 and its peers are the others.
final class NetworkWorld {
  private static let count = Atomic<Int>(0)

  let bench: NetworkBench
  let cgroupPath: String
  let cgroupID: CgroupID
  let outside: PythonActor
  let inside: PythonActor
  private(set) var revision = Revision(0)
  private(set) var policy = stockade_policy()
  private var needs: NetworkNeeds = []

  /// - Parameter ownBench: with maps of its own, for a test that fills them.
  init(ownBench: Bool = false) throws {
    bench = try ownBench ? NetworkBench() : NetworkBench.shared()
    let number = Self.count.add(1, ordering: .relaxed).newValue
    cgroupPath = "\(NetworkBench.cgroupRoot)/stockade-test-net-\(getpid())-\(number)"
    try Files.makeFolder(cgroupPath)
    cgroupID = CgroupID(UInt64(try Files.status(cgroupPath).st_ino))
    outside = try PythonActor(launcher: ["unshare", "-n"])
    outside.run("prepare()")
    inside = try PythonActor(launcher: ["nsenter", "--net=/proc/\(outside.processID)/ns/net"])
    inside.run("join('\(cgroupPath)')")
  }

  /// With neighbours that are not on lo, 10.8.0.2 and fd00:8::2: packets to them leave by d0 and are seen on d1.
  static func withNeighbour() throws -> NetworkWorld {
    let world = try NetworkWorld()
    let lines = [
      "ip link add d0 type veth peer name d1 address 02:00:00:00:00:02",
      "echo 1 > /proc/sys/net/ipv6/conf/d1/disable_ipv6", "ip addr add 10.8.0.1/24 brd + dev d0",
      "ip addr add fd00:8::1/64 dev d0 nodad", "ip link set d0 up", "ip link set d1 up",
      "ip route add 224.0.0.0/4 dev d0", "ip neigh add 10.8.0.2 lladdr 02:00:00:00:00:02 dev d0",
      "ip neigh add fd00:8::2 lladdr 02:00:00:00:00:02 dev d0",
    ]
    world.outside.run("subprocess.run('\(lines.joined(separator: " && "))', shell=True, check=True)")
    return world
  }

  deinit {
    inside.run("join('\(NetworkBench.cgroupRoot)')")
    try? bench.programs.detach(cgroupID: cgroupID)
    try? bench.remove("containers", cgroupID)
    try? forgetPolicy()
    for name in (try? Files.names(in: cgroupPath)) ?? [] { rmdir("\(cgroupPath)/\(name)") }
    rmdir(cgroupPath)
  }

  /// Puts the container under these rules; again: a reload.
  func apply(_ network: NetworkSection) throws {
    let compiled = try compiledNetwork(network)
    let (old, oldNeeds) = (revision, needs)
    revision = bench.nextRevision()
    policy = stockade_policy(compiled, revision: revision)
    needs = NetworkNeeds(compiled)
    try bench.tables.install(compiled, revision: revision)
    try bench.update("policies", revision, policy)
    try attach(oldNeeds.union(needs))
    try enter(revision)
    try attach(needs)
    try bench.remove("policies", old)
    try bench.tables.remove([old])
  }

  private func attach(_ needs: NetworkNeeds) throws {
    try bench.programs.update(cgroupPath: cgroupPath, cgroupID: cgroupID, needs: needs)
  }

  func apply(egress: NetworkDirection? = nil, ingress: NetworkDirection? = nil) throws {
    var network = NetworkSection()
    (network.egress, network.ingress) = (egress, ingress)
    try apply(network)
  }

  func enter(
    _ revision: Revision, state: stockade_container_state = STOCKADE_OPEN, audit: AuditDeadline? = nil
  ) throws {
    var container = stockade_container()
    container.cgroup_id = cgroupID.number
    container.revision = revision.number
    container.state = state.rawValue
    container.flags = (audit?.seconds ?? 0) << STOCKADE_AUDIT_SHIFT.rawValue
    container.check = stockade_container_check(&container)
    try bench.update("containers", cgroupID, container)
  }

  func forgetPolicy() throws {
    try bench.remove("policies", revision)
    try bench.tables.remove([revision])
  }

  var events: [stockade_event] { bench.events(of: cgroupID) }
}

func compiledNetwork(_ network: NetworkSection) throws -> CompiledPolicy {
  var profile = Profile(name: "test", file: "test.yaml")
  profile.network = network
  return try PolicyCompiler.compile(profile)
}
