import BPF
import CStockade
import Enforcement
import Glibc
import Policy
import Synchronization
import System

/// A network namespace with two processes: one in a container's cgroup, one outside it. Both have the addresses
/// 10.9.0.1 to 9 and fd00:9::1 to 9; by custom the container is 1 and its peers are the others.
final class NetworkWorld {
  private static let count = Atomic<Int>(0)

  let bench: NetworkBench
  let cgroupPath: String
  let cgroupID: UInt64
  let outside: PythonActor
  let inside: PythonActor
  private(set) var revision: UInt64 = 0
  private(set) var policy = stockade_policy()

  /// - Parameter ownBench: with maps of its own, for a test that fills them.
  init(ownBench: Bool = false) throws {
    bench = try ownBench ? NetworkBench() : NetworkBench.shared()
    let number = Self.count.add(1, ordering: .relaxed).newValue
    cgroupPath = "\(NetworkBench.cgroupRoot)/stockade-test-net-\(getpid())-\(number)"
    try Files.makeFolder(cgroupPath)
    cgroupID = UInt64(try Files.status(cgroupPath).st_ino)
    outside = try PythonActor(launcher: ["unshare", "-n"])
    outside.run("prepare()")
    inside = try PythonActor(launcher: ["nsenter", "--net=/proc/\(outside.processID)/ns/net"])
    inside.run("join('\(cgroupPath)')")
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
    var compiled = CompiledPolicy(policy: stockade_policy())
    try compileNetwork(network, into: &compiled)
    let (old, oldFlags) = (revision, policy.flags)
    revision = bench.nextRevision()
    compiled.policy.revision = revision
    policy = compiled.policy
    try bench.tables.install(compiled, revision: revision)
    try bench.update("policies", revision, policy)
    try attach(oldFlags | policy.flags)
    try enter(revision)
    try attach(policy.flags)
    try bench.remove("policies", old)
    try bench.tables.remove(revision: old)
  }

  private func attach(_ flags: UInt32) throws {
    try bench.programs.update(cgroupPath: cgroupPath, cgroupID: cgroupID, needs: NetworkNeeds(policyFlags: flags))
  }

  func apply(egress: NetworkDirection? = nil, ingress: NetworkDirection? = nil) throws {
    var network = NetworkSection()
    (network.egress, network.ingress) = (egress, ingress)
    try apply(network)
  }

  func enter(_ revision: UInt64, state: stockade_container_state = STOCKADE_OPEN) throws {
    var container = stockade_container()
    container.cgroup_id = cgroupID
    container.revision = revision
    container.state = state.rawValue
    container.check = stockade_container_check(&container)
    try bench.update("containers", cgroupID, container)
  }

  func forgetPolicy() throws {
    try bench.remove("policies", revision)
    try bench.tables.remove(revision: revision)
  }

  var events: [stockade_event] { bench.events(of: cgroupID) }
}

extension NetworkDirection {
  /// `.section(.block, .allow("10.9.0.2/32", tcp: 80...80))`
  static func section(_ defaultAction: Action, _ rules: NetworkRule...) -> Self { section(defaultAction, rules) }

  static func section(_ defaultAction: Action, _ rules: [NetworkRule]) -> Self {
    var section = Self()
    section.defaultAction = defaultAction
    section.rules = rules
    return section
  }
}

extension NetworkRule {
  static func rule(
    _ action: Action, _ cidr: String?, except: [String] = [], tcp: ClosedRange<UInt16>? = nil,
    udp: ClosedRange<UInt16>? = nil
  ) -> Self {
    var rule = Self(action: action, location: Location(file: "test.yaml", line: 1))
    rule.cidr = cidr.map(prefix)
    rule.except = except.map(prefix)
    if let tcp { rule.ports.append(PortRule(transport: .tcp, first: tcp.lowerBound, last: tcp.upperBound)) }
    if let udp { rule.ports.append(PortRule(transport: .udp, first: udp.lowerBound, last: udp.upperBound)) }
    return rule
  }
}

/// Of a text like 10.0.0.0/8 or fd00::/8.
func prefix(_ text: String) -> CIDR {
  let parts = text.split(separator: "/")
  let isIPv4 = text.contains(".")
  var bytes = [UInt8](repeating: 0, count: isIPv4 ? 4 : 16)
  precondition(inet_pton(isIPv4 ? AF_INET : AF_INET6, String(parts[0]), &bytes) == 1)
  return CIDR(bytes: bytes, prefixLength: Int(parts[1])!)
}
