import BPF
import CStockade
import Enforcement
import Policy
import System
import Testing

/// TCP, by real sockets.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkConnectionTests {
  struct Peer: Sendable {
    var address: String
    var family = "AF_INET"
    var listener = "0.0.0.0"
    var cidr: String
  }

  static let peers = [
    Peer(address: "10.9.0.2", cidr: "10.9.0.2/32"),
    Peer(address: "fd00:9::2", family: "AF_INET6", listener: "::", cidr: "fd00:9::2/128"),
    Peer(address: "::ffff:10.9.0.2", family: "AF_INET6", cidr: "10.9.0.2/32"),
    Peer(address: "127.0.0.1", cidr: "127.0.0.0/8"),
    Peer(address: "::1", family: "AF_INET6", listener: "::", cidr: "::1/128"),
    Peer(address: "0.0.0.0", cidr: "127.0.0.0/8"),
    Peer(address: "::", family: "AF_INET6", listener: "::", cidr: "::1/128"),
  ]

  @Test("a connection is refused with EPERM at once, and goes through where a rule allows it", arguments: peers)
  func connect(_ peer: Peer) throws {
    let world = try NetworkWorld()
    let family = peer.listener == "::" ? "AF_INET6" : "AF_INET"
    world.outside.run(
      "l = listen(('\(peer.listener)', 80), \(family)); m = listen(('\(peer.listener)', 81), \(family))")
    try world.apply(egress: .section(.block, .rule(.allow, peer.cidr, tcp: 80...80)))
    #expect(world.inside.run("connect(('\(peer.address)', 80), family=\(peer.family))") == "ok")
    #expect(world.inside.run("connect(('\(peer.address)', 81), family=\(peer.family))") == "EPERM")
    let event = try #require(world.events.first)
    #expect(world.events.count == 1)
    #expect(event.kind == STOCKADE_EVENT_CONNECT.rawValue && event.effect == STOCKADE_REFUSED.rawValue)
    #expect(event.remote_port == 81 && event.rule == STOCKADE_NO_RULE && event.protocol == 6)
    #expect(event.pid == UInt32(world.inside.processID))
  }

  @Test(
    "whatever way TCP begins, the connection is refused",
    arguments: [
      "tcp().sendto(b'x', MSG_FASTOPEN, ('10.9.0.2', 81))",
      "made(socket(AF_INET, SOCK_STREAM, 262), None).connect(('10.9.0.2', 81))",
      "import ctypes; s = connect(('10.9.0.2', 80)); ctypes.CDLL(None).connect(s.fileno(), bytes(16), 16); "
        + "s.connect(('10.9.0.2', 81))",
    ])
  func otherBeginnings(_ line: String) throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80)); m = listen(('10.9.0.2', 81))")
    try world.apply(egress: .section(.block, .rule(.allow, nil, tcp: 80...80)))
    #expect(world.inside.run(line) == "EPERM")
    #expect(world.outside.run("m.accept()") == "timeout")
  }

  @Test(
    "a server under egress Block answers its clients", arguments: [("10.9.0.1", "AF_INET"), ("fd00:9::1", "AF_INET6")])
  func server(_ address: String, _ family: String) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    world.inside.run("l = listen(('\(address)', 90), \(family))")
    #expect(world.outside.run("c = connect(('\(address)', 90), family=\(family)); c.send(b'ask')") == "ok")
    #expect(world.inside.run("s = l.accept()[0]; l.close()") == "ok")
    #expect(world.inside.run("s.recv(9)") == "b'ask'")
    #expect(world.inside.run("s.send(b'answer')") == "6")
    #expect(world.outside.run("c.recv(9)") == "b'answer'")
    #expect(world.events.isEmpty)
  }

  @Test(
    "a client under ingress Block gets its answers", arguments: [("10.9.0.2", "AF_INET"), ("fd00:9::2", "AF_INET6")])
  func client(_ address: String, _ family: String) throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    world.outside.run("l = listen(('\(address)', 80), \(family))")
    #expect(world.inside.run("c = connect(('\(address)', 80), family=\(family))") == "ok")
    #expect(world.outside.run("s = l.accept()[0]; s.send(b'answer')") == "ok")
    #expect(world.inside.run("c.recv(9)") == "b'answer'")
    #expect(world.events.isEmpty)
  }

  @Test("ingress admits the peers and local ports of its rules only")
  func ingress() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block, .rule(.allow, "10.9.0.3/32", tcp: 90...90)))
    world.inside.run("l = listen(('10.9.0.1', 90))")
    #expect(world.outside.run("connect(('10.9.0.1', 90), ('10.9.0.3', 0))") == "ok")
    #expect(world.outside.run("connect(('10.9.0.1', 90), ('10.9.0.2', 777))") == "timeout")
    let event = try #require(world.events.first)
    #expect(event.kind == STOCKADE_EVENT_INGRESS.rawValue && event.effect == STOCKADE_DROPPED.rawValue)
    #expect(event.local_port == 90 && event.remote_port == 777 && event.pid == 0)
    #expect(event.remote_address.0 == 10 && event.remote_address.3 == 2 && event.reason == STOCKADE_BY_DEFAULT.rawValue)
  }

  @Test("the answer of a blocked listener does not open the way out")
  func listenerIsNoWayOut() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block), ingress: .section(.allow, .rule(.block, "10.9.0.2/32")))
    world.inside.run("l = listen(('10.9.0.1', 90))")
    #expect(world.outside.run("connect(('10.9.0.1', 90), ('10.9.0.2', 0))") == "timeout")
    #expect(world.outside.run("connect(('10.9.0.1', 90))") == "ok")
  }

  /// One connection out, to 10.9.0.2:80, and one in, to 10.9.0.1:90; made before the attach.
  private func worldWithOldConnections() throws -> NetworkWorld {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    world.inside.run("m = listen(('10.9.0.1', 90)); out = connect(('10.9.0.2', 80))")
    world.outside.run("out = l.accept()[0]; into = connect(('10.9.0.1', 90), ('10.9.0.2', 0))")
    #expect(world.inside.run("into = m.accept()[0]") == "ok")
    return world
  }

  @Test("a connection older than the attach is judged by its direction", arguments: ["out", "into"])
  func older(_ blocked: String) throws {
    let world = try worldWithOldConnections()
    if blocked == "out" {
      try world.apply(egress: .section(.block))
    } else {
      try world.apply(ingress: .section(.block))
    }
    let open = blocked == "out" ? "into" : "out"
    #expect(world.inside.run("\(open).send(b'x')") == "1")
    #expect(world.outside.run("\(open).recv(1)") == "b'x'")
    world.inside.run("\(blocked).send(b'x')")
    #expect(world.outside.run("\(blocked).recv(1)") == "timeout")
  }

  @Test("a reload cuts an established connection that it forbids, and reports it once")
  func reload() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.2/32")))
    world.inside.run("c = connect(('10.9.0.2', 80))")
    world.outside.run("s = l.accept()[0]")
    try world.apply(egress: .section(.allow, .rule(.block, "10.9.0.0/16")))
    world.inside.run("c.send(b'x')")
    #expect(world.outside.run("s.recv(1)") == "timeout")
    #expect(world.events.count == 1)
    let event = try #require(world.events.first)
    #expect(event.kind == STOCKADE_EVENT_EGRESS.rawValue && event.rule == 0 && event.revision == world.revision.number)
  }

  @Test("an audited connection goes through and is reported once")
  func audit() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.audit), ingress: .section(.audit))
    world.inside.run("c = connect(('10.9.0.2', 80)); c.send(b'ask')")
    #expect(world.outside.run("s = l.accept()[0]; s.send(b'answer')") == "ok")
    #expect(world.inside.run("c.recv(9)") == "b'answer'")
    #expect(world.events.map(\.kind) == [STOCKADE_EVENT_CONNECT.rawValue])
    #expect(world.events.map(\.effect) == [STOCKADE_AUDITED.rawValue])
  }

  @Test("an audited connection to a server goes through and is reported once")
  func auditServer() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block), ingress: .section(.allow, .rule(.audit, nil, tcp: 90...90)))
    world.inside.run("l = listen(('10.9.0.1', 90))")
    world.outside.run("c = connect(('10.9.0.1', 90)); c.send(b'ask')")
    #expect(world.inside.run("s = l.accept()[0]; s.send(b'answer')") == "ok")
    #expect(world.outside.run("c.recv(9)") == "b'answer'")
    #expect(world.events.map(\.kind) == [STOCKADE_EVENT_BIND.rawValue, STOCKADE_EVENT_INGRESS.rawValue])
    #expect(world.events.allSatisfy { $0.effect == STOCKADE_AUDITED.rawValue && $0.rule == 0 })
  }

  @Test("a cgroup below the container's is bound too")
  func nested() throws {
    let world = try NetworkWorld()
    world.outside.run("l = listen(('10.9.0.2', 80))")
    try world.apply(egress: .section(.block))
    try Files.makeFolder("\(world.cgroupPath)/nested")
    world.inside.run("join('\(world.cgroupPath)/nested')")
    #expect(world.inside.run("connect(('10.9.0.2', 80))") == "EPERM")
  }

  @Test("a socket that was made in the container is bound wherever its process went")
  func socketOfContainer() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    world.inside.run("s = tcp(); join('\(NetworkBench.cgroupRoot)')")
    #expect(world.inside.run("s.connect(('10.9.0.2', 80))") == "EPERM")
  }
}
