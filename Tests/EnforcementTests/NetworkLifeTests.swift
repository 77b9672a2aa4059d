import BPF
import CBPF
import CStockade
import Compilation
import Enforcement
import Glibc
import Policy
import System
import Testing

/// Attaching, leaving, and what happens when something is missing.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkLifeTests {
  private static let types = [
    BPF_CGROUP_INET_EGRESS, BPF_CGROUP_INET_INGRESS, BPF_CGROUP_INET4_CONNECT, BPF_CGROUP_INET6_CONNECT,
    BPF_CGROUP_UDP4_SENDMSG, BPF_CGROUP_UDP6_SENDMSG, BPF_CGROUP_INET4_BIND, BPF_CGROUP_INET6_BIND,
  ]

  private func attached(_ world: NetworkWorld) throws -> [Int] {
    try Self.types.map { try world.bench.programIDs(world.cgroupPath, $0).count }
  }

  @Test("only the hooks that a profile needs are attached, and a reload adds and removes")
  func needs() throws {
    let world = try NetworkWorld()
    try world.apply()
    #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
    try world.apply(egress: .section(.allow, .rule(.block, "10.0.0.0/8")))
    #expect(try attached(world) == [1, 1, 1, 1, 1, 1, 0, 0])
    try world.apply(ingress: .section(.block))
    #expect(try attached(world) == [1, 1, 0, 0, 0, 0, 1, 1])
    try world.apply(ingress: .section(.allow, .rule(.block, "10.0.0.0/8")))
    #expect(try attached(world) == [1, 1, 0, 0, 0, 0, 0, 0])
    try world.apply(egress: .section(.block), ingress: .section(.block))
    #expect(try attached(world) == [1, 1, 1, 1, 1, 1, 1, 1])
    try world.apply(egress: .section(.allow), ingress: .section(.allow, .rule(.allow, "10.0.0.0/8")))
    #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
    #expect(try !world.bench.programs.attachedCgroupIDs().contains(world.cgroupID))
  }

  @Test("until the container is opened everything is refused and dropped")
  func notOpen() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.allow, .rule(.block, "10.9.0.3/32")), ingress: .section(.block))
    #expect(world.inside.run("c = connect(('10.9.0.2', 80))") == "ok")
    world.outside.run("s = l.accept()[0]")
    try world.bench.update("network_container", world.cgroupID, stockade_network_container(cgroup_id: 0))
    #expect(world.inside.run("tcp().connect(('10.9.0.2', 80))") == "EPERM")
    #expect(world.inside.run("udp().sendto(b'x', ('10.9.0.2', 80))") == "EPERM")
    #expect(world.inside.run("tcp(('10.9.0.1', 90))") == "EPERM")
    world.inside.run("c.send(b'x')")
    #expect(world.outside.run("s.recv(1)") == "timeout")
  }

  @Test("a container without entry, or without policy, is blocked", arguments: ["entry", "policy"])
  func gone(_ what: String) throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.allow, .rule(.block, "10.9.0.3/32")))
    #expect(world.inside.run("c = connect(('10.9.0.2', 80))") == "ok")
    world.outside.run("s = l.accept()[0]")
    if what == "entry" {
      try world.bench.remove("containers", world.cgroupID)
    } else {
      try world.forgetPolicy()
      // Another revision, so that no verdict that was kept is used.
      try world.enter(world.bench.nextRevision())
    }
    #expect(world.inside.run("tcp().connect(('10.9.0.2', 80))") == "EPERM")
    world.inside.run("c.send(b'x')")
    #expect(world.outside.run("s.recv(1)") == "timeout")
    #expect(world.events.allSatisfy { $0.reason == STOCKADE_POLICY_GONE.rawValue } && world.events.count >= 2)
  }

  @Test("a closed container keeps its policy")
  func closed() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.2/32")))
    try world.enter(world.revision, state: STOCKADE_CLOSED)
    #expect(world.inside.run("connect(('10.9.0.2', 80))") == "ok")
    #expect(world.inside.run("connect(('10.9.0.3', 80))") == "EPERM")
  }

  @Test("after detach nothing is left, and detaching again succeeds")
  func detach() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block), ingress: .section(.block))
    #expect(try world.bench.programs.attachedCgroupIDs().contains(world.cgroupID))
    for _ in 0..<2 {
      try world.bench.programs.detach(cgroupID: world.cgroupID)
      #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
      #expect(!Files.exists("\(world.bench.folder)/links/\(world.cgroupID)"))
    }
    #expect(world.inside.run("udp().sendto(b'x', ('10.9.0.2', 80))") == "1")
  }

  @Test("removing all leaves no link, of containers or of strays")
  func removeAll() throws {
    let world = try NetworkWorld(ownBench: true)
    let strays = try world.bench.programIDs(NetworkBench.cgroupRoot, BPF_CGROUP_INET_SOCK_CREATE)
    try world.apply(egress: .section(.block))
    try world.bench.programs.removeAll()
    #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
    #expect(try Files.names(in: "\(world.bench.folder)/links").isEmpty)
    let left = Set(try world.bench.programIDs(NetworkBench.cgroupRoot, BPF_CGROUP_INET_SOCK_CREATE))
    #expect(!strays.allSatisfy(left.contains))
  }

  @Test("a cgroup that was detached is closed at its next attach until it is opened")
  func attachAgain() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    try world.bench.programs.detach(cgroupID: world.cgroupID)
    var value = stockade_network_container()
    let map = try world.bench.map("network_container")
    #expect(bpf_map_lookup_elem(map, [world.cgroupID], &value) == 0 && value.cgroup_id == 0)
  }

  @Test("the pins of a removed cgroup are found and removed", arguments: [true, false])
  func removedCgroup(_ isReleasedByTheKernel: Bool) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    let link = "\(world.bench.folder)/links/\(world.cgroupID)/egress"
    #expect(try world.bench.cgroupID(ofLink: link) == world.cgroupID)
    world.inside.run("join('\(NetworkBench.cgroupRoot)')")
    try #require(rmdir(world.cgroupPath) == 0)
    #expect(try world.bench.programs.attachedCgroupIDs().contains(world.cgroupID))
    // The kernel detaches by a worker of its own.
    for _ in 0..<500 where isReleasedByTheKernel {
      if try world.bench.cgroupID(ofLink: link) == 0 { break }
      poll(nil, 0, 10)
    }
    if isReleasedByTheKernel { #expect(try world.bench.cgroupID(ofLink: link) == 0) }
    try world.bench.programs.detach(cgroupID: world.cgroupID)
    #expect(try !world.bench.programs.attachedCgroupIDs().contains(world.cgroupID))
  }

  @Test("another cgroup of the same path is not attached to")
  func staleID() throws {
    let world = try NetworkWorld()
    let next = CgroupID(world.cgroupID.number + 1)
    let error = #expect(throws: BPFError.self) {
      try world.bench.programs.attach(cgroupPath: world.cgroupPath, cgroupID: next, needs: .packets)
    }
    #expect("\(error!)".contains("not cgroup \(next)"))
    #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("a new daemon takes over the links, and they are bound by the same maps")
  func adopt() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    let first = try world.bench.programIDs(world.cgroupPath, BPF_CGROUP_INET4_CONNECT)
    let second = try NetworkPrograms(
      shared: SharedMaps(folder: world.bench.folder), pinFolder: world.bench.folder,
      rootCgroupPath: NetworkBench.cgroupRoot)
    #expect(try second.adopt().contains(world.cgroupID))
    #expect(try world.bench.programIDs(world.cgroupPath, BPF_CGROUP_INET4_CONNECT) != first)
    #expect(world.inside.run("connect(('10.9.0.2', 80))") == "EPERM")
    try second.detach(cgroupID: world.cgroupID)
    #expect(try attached(world) == [0, 0, 0, 0, 0, 0, 0, 0])
  }

  @Test("the prefixes of a removed revision are gone, those of others stay")
  func tables() throws {
    let bench = try NetworkBench.shared()
    var network = NetworkSection()
    network.egress = .section(.block, .rule(.allow, "10.0.0.0/8", except: ["10.1.0.0/16"]), .rule(.allow, "fd00::/8"))
    network.ingress = network.egress
    let compiled = try compiledNetwork(network)
    let (kept, removed, orphan) = (bench.nextRevision(), bench.nextRevision(), bench.nextRevision())
    for revision in [kept, removed, orphan] { try bench.tables.install(compiled, revision: revision) }
    #expect(try bench.prefixes(of: removed) == 10)
    try bench.tables.remove([removed])
    #expect(try bench.prefixes(of: removed) == 0 && bench.prefixes(of: kept) == 10)
    try bench.tables.removeOrphans(keeping: Set((0..<orphan.number).map { Revision($0) }))
    #expect(try bench.prefixes(of: orphan) == 0 && bench.prefixes(of: kept) == 10)
    try bench.tables.remove([kept])
  }

  @Test("only what was installed is removed of a revision; of one that another process installed, whatever is found")
  func removal() throws {
    let bench = try NetworkBench.shared()
    var network = NetworkSection()
    network.egress = .section(.block, .rule(.allow, "10.0.0.0/8"), .rule(.allow, "fd00::/8"))
    let compiled = try compiledNetwork(network)
    let revision = bench.nextRevision()
    try bench.tables.install(compiled, revision: revision)
    let another = stockade_net_key4(
      prefix_bits: 72,
      revision: withUnsafeBytes(of: revision) {
        $0.loadUnaligned(as: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8).self)
      }, address: (11, 0, 0, 0))
    try bench.update("ingress4", another, stockade_net_node())
    try bench.tables.remove([revision])
    #expect(try bench.prefixes(of: revision) == 1, "nothing was listed")
    try bench.tables.remove([revision])
    #expect(try bench.prefixes(of: revision) == 0, "now it is unknown")

    try NetworkTables(shared: bench.maps).install(compiled, revision: revision)
    try bench.tables.remove([revision])
    #expect(try bench.prefixes(of: revision) == 0)
  }

  @Test("as many prefixes as a table holds are taken; with one more nothing of the policy is left")
  func fullTable() throws {
    let bench = try NetworkBench()
    var policy = CompiledPolicy()
    policy.ingress = .init(defaultAction: .block, strictest: .block)
    policy.ingress!.prefixes = (0..<UInt32(STOCKADE_NET_PREFIXES_MAX)).map { number in
      let address = [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
      return CompiledPolicy.Prefix(cidr: CIDR(bytes: address, prefixLength: 32), entries: [])
    }
    let revision = bench.nextRevision()
    try bench.tables.install(policy, revision: revision)
    var another = policy
    another.ingress!.prefixes = [policy.ingress!.prefixes[0]]
    another.egress = another.ingress
    let refused = bench.nextRevision()
    let error = #expect(throws: BPFError.self) { try bench.tables.install(another, revision: refused) }
    #expect("\(error!)".hasPrefix("the kernel's table ingress4 is full: 65536 elements"))
    #expect(try bench.prefixes(of: refused) == 0)
    try bench.tables.remove([revision])
    #expect(try bench.prefixes(of: revision) == 0)
  }

  @Test("events over the container's rate are counted, not sent")
  func rate() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    let before = try world.bench.counter(Int(STOCKADE_EVENTS_DROPPED_RATE.rawValue))
    world.inside.run("u = udp()")
    world.inside.run("def flood(): [u.sendto(b'x', ('10.9.0.2', 1)) for _ in range(1)]")
    for _ in 0..<Int(STOCKADE_EVENTS_BURST) + 400 { world.inside.run("flood()") }
    #expect(world.events.count >= Int(STOCKADE_EVENTS_BURST))
    #expect(try world.bench.counter(Int(STOCKADE_EVENTS_DROPPED_RATE.rawValue)) > before)
  }
}
