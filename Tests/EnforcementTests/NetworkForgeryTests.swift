import CStockade
import Enforcement
import Policy
import PolicyTesting
import Testing

/// Connections that a container seems to get from a peer, and has begun itself.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkForgeryTests {
  /// A SYN of the container's own to 10.8.0.1:90 or fd00:8::1:90, in the name of the neighbour.
  struct Way: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var line: String
    var answer: String
  }

  static let ways = [
    Way(
      testDescription: "raw socket",
      line: "inject4('10.8.0.1', ip4('10.8.0.1', 6, syn('10.8.0.2', 1000, '10.8.0.1', 90), source='10.8.0.2'))",
      answer: "40"),
    Way(
      testDescription: "raw IPv6 socket",
      line: "inject6('fd00:8::1', ip6('fd00:8::1', 6, syn('fd00:8::2', 1000, 'fd00:8::1', 90), source='fd00:8::2'))",
      answer: "60"),
    Way(
      testDescription: "IP_TRANSPARENT",
      line: "s = tcp(); s.setsockopt(SOL_IP, 19, 1); s.bind(('10.8.0.2', 0)); s.settimeout(0); "
        + "s.connect(('10.8.0.1', 90))", answer: "EINPROGRESS"),
    Way(
      testDescription: "IPV6_FREEBIND",
      line: "s = tcp(family=AF_INET6); s.setsockopt(IPPROTO_IPV6, 78, 1); s.bind(('fd00:8::2', 0)); "
        + "s.settimeout(0); s.connect(('fd00:8::1', 90))", answer: "EINPROGRESS"),
  ]

  private static let own: [NetworkRule] = [.rule(.allow, "10.8.0.1/32"), .rule(.allow, "fd00:8::1/128")]
  private static let neighbour: [NetworkRule] = [.rule(.allow, "10.8.0.2/32"), .rule(.allow, "fd00:8::2/128")]

  private func forge(_ way: Way, egress: [NetworkRule]) throws -> (answer: String, world: NetworkWorld) {
    let world = try NetworkWorld.withNeighbour()
    world.outside.run("w = watch('d1')")
    world.inside.run("l = listen(('10.8.0.1', 90)); m = listen(('fd00:8::1', 90), AF_INET6)")
    try world.apply(egress: .section(.block, egress), ingress: .section(.block, .rule(.allow, nil, tcp: 90...90)))
    #expect(world.inside.run(way.line) == way.answer)
    return (world.outside.run("flags(w)"), world)
  }

  @Test("the kernel answers no SYN that the container sent itself in the name of a blocked peer", arguments: ways)
  func blocked(_ way: Way) throws {
    let (answer, world) = try forge(way, egress: Self.own)
    #expect(answer == "timeout")
    let event = try #require(world.events.first)
    #expect(event.kind == STOCKADE_EVENT_EGRESS.rawValue && event.effect == STOCKADE_DROPPED.rawValue)
    #expect(event.local_port == 90)
  }

  @Test("it answers one in the name of a peer to which the container may connect", arguments: ways)
  func allowed(_ way: Way) throws {
    #expect(try forge(way, egress: Self.own + Self.neighbour).answer == "\(0x12)")
  }

  @Test(
    "under egress Block, who connects over loopback from an address that is certainly the host's gets in",
    arguments: [
      ("127.0.0.1", "127.0.0.1", "ok"), ("127.0.0.1", "127.0.0.9", "ok"), ("10.9.0.1", "10.9.0.1", "ok"),
      ("10.9.0.1", "127.0.0.9", "ok"), ("::1", "::1", "ok"), ("fd00:9::1", "fd00:9::1", "ok"),
      ("fd00:9::1", "::1", "ok"), ("10.9.0.1", "10.9.0.2", "timeout"), ("10.9.0.1", "10.9.0.3", "ok"),
      ("fd00:9::1", "fd00:9::2", "timeout"),
    ])
  func loopback(_ server: String, _ client: String, _ expected: String) throws {
    let world = try NetworkWorld()
    let family = server.contains(":") ? "AF_INET6" : "AF_INET"
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.3/32")))
    world.inside.run("l = listen(('\(server)', 90), \(family))")
    let line = "c = connect(('\(server)', 90), ('\(client)', 0), \(family)); c.send(b'ask')"
    #expect(world.outside.run(line) == expected)
    guard expected == "ok" else { return }
    #expect(world.inside.run("s = l.accept()[0]; s.send(s.recv(9))") == "ok")
    #expect(world.outside.run("c.recv(9)") == "b'ask'")
  }

  @Test(
    "under egress Block, who connects from elsewhere is answered",
    arguments: [("10.8.0.1", "AF_INET"), ("fd00:8::1", "AF_INET6")])
  func elsewhere(_ server: String, _ family: String) throws {
    let world = try NetworkWorld.withNeighbour()
    let peer = try PythonActor(launcher: ["unshare", "-n"])
    // Once it answers, it has its network.
    #expect(peer.run("a = 0") == "ok")
    world.outside.run("subprocess.run('ip link set d1 netns \(peer.processID)', shell=True, check=True)")
    let lines = [
      "ip link set d1 up", "echo 0 > /proc/sys/net/ipv6/conf/d1/disable_ipv6", "ip addr add 10.8.0.2/24 dev d1",
      "ip addr add fd00:8::2/64 dev d1 nodad",
    ]
    #expect(peer.run("a = subprocess.run('\(lines.joined(separator: " && "))', shell=True, check=True)") == "ok")
    try world.apply(egress: .section(.block), ingress: .section(.block, .rule(.allow, nil, tcp: 90...90)))
    world.inside.run("l = listen(('\(server)', 90), \(family))")
    #expect(peer.run("c = connect(('\(server)', 90), family=\(family)); c.send(b'ask')") == "ok")
    #expect(world.inside.run("s = l.accept()[0]; s.send(s.recv(9))") == "ok")
    #expect(peer.run("c.recv(9)") == "b'ask'")
    #expect(world.events.isEmpty)
  }
}
