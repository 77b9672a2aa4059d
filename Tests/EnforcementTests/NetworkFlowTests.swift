import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// UDP, ICMP and bind(), by real sockets.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkFlowTests {
  @Test(
    "a datagram is refused with EPERM at once, and goes through where a rule allows it",
    arguments: [
      ("10.9.0.2", "AF_INET", "10.9.0.2/32"), ("fd00:9::2", "AF_INET6", "fd00:9::2/128"),
      ("::ffff:10.9.0.2", "AF_INET6", "10.9.0.2/32"),
    ])
  func send(_ address: String, _ family: String, _ cidr: String) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block, .rule(.allow, cidr, udp: 53...53)))
    world.inside.run("u = udp(family=\(family)); v = udp(family=\(family)); w = udp(family=\(family))")
    #expect(world.inside.run("u.sendto(b'x', ('\(address)', 53))") == "1")
    #expect(world.inside.run("u.sendto(b'x', ('\(address)', 54))") == "EPERM")
    #expect(world.inside.run("v.connect(('\(address)', 54))") == "EPERM")
    #expect(world.inside.run("w.connect(('\(address)', 53))") == "ok")
    let kinds = world.events.map(\.kind)
    #expect(kinds == [STOCKADE_EVENT_SENDMSG.rawValue, STOCKADE_EVENT_CONNECT.rawValue])
    #expect(world.events.allSatisfy { $0.remote_port == 54 && $0.protocol == 17 })
  }

  @Test("a server under egress Block answers its client, by sendto and by connect, and nobody else")
  func server() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    world.inside.run("u = udp(('10.9.0.1', 90))")
    world.outside.run("c = udp(('10.9.0.2', 1000)); c.sendto(b'ask', ('10.9.0.1', 90))")
    #expect(world.inside.run("u.recvfrom(9)") == "(b'ask', ('10.9.0.2', 1000))")
    #expect(world.inside.run("u.sendto(b'answer', ('10.9.0.2', 1000))") == "6")
    #expect(world.outside.run("c.recv(9)") == "b'answer'")
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', 1001))") == "EPERM")
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.3', 1000))") == "EPERM")
    #expect(world.inside.run("u.connect(('10.9.0.2', 1000)); u.send(b'more')") == "ok")
    #expect(world.outside.run("c.recv(9)") == "b'more'")
  }

  @Test("a client under ingress Block gets its answers and nothing else")
  func client() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    world.outside.run("s = udp(('10.9.0.2', 53)); other = udp(('10.9.0.3', 53))")
    world.inside.run("c = udp(); c.sendto(b'ask', ('10.9.0.2', 53)); port = c.getsockname()[1]")
    let port = world.inside.run("port")
    #expect(world.outside.run("other.sendto(b'unasked', ('10.9.0.2', \(port)))") == "7")
    world.outside.run("s.recvfrom(9)")
    #expect(world.outside.run("s.sendto(b'answer', ('10.9.0.2', \(port)))") == "6")
    #expect(world.inside.run("c.recvfrom(9)") == "(b'answer', ('10.9.0.2', 53))")
    #expect(world.inside.run("c.recvfrom(9)") == "timeout")
    #expect(world.events.map(\.kind) == [STOCKADE_EVENT_INGRESS.rawValue])
  }

  @Test("a connected socket older than the attach hears its peer under ingress Block")
  func older() throws {
    let world = try NetworkWorld()
    world.outside.run("s = udp(('10.9.0.2', 53))")
    world.inside.run("c = udp(('10.9.0.1', 2000)); c.connect(('10.9.0.2', 53)); d = udp(('10.9.0.1', 2001))")
    try world.apply(ingress: .section(.block))
    world.outside.run("s.sendto(b'news', ('10.9.0.1', 2000)); s.sendto(b'news', ('10.9.0.1', 2001))")
    #expect(world.inside.run("c.recv(9)") == "b'news'")
    #expect(world.inside.run("d.recv(9)") == "timeout")
  }

  @Test("a reload ends a flow that it forbids; its peer may then be spoken to by the other direction's rules")
  func reload() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    world.inside.run("u = udp(('10.9.0.1', 90))")
    world.outside.run("c = udp(('10.9.0.2', 1000)); c.sendto(b'ask', ('10.9.0.1', 90))")
    #expect(world.inside.run("u.recv(9)") == "b'ask'")
    let refused = NetworkDirection.section(.allow, .rule(.block, "10.9.0.2/32"))
    try world.apply(egress: .section(.block), ingress: refused)
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', 1000))") == "EPERM")
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.2/32")), ingress: refused)
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', 1000))") == "1")
    #expect(world.outside.run("c.sendto(b'answer', ('10.9.0.1', 90))") == "6")
    #expect(world.inside.run("u.recv(9)") == "b'answer'")
  }

  @Test(
    "an audited flow is reported once",
    arguments: [("pass", STOCKADE_EVENT_SENDMSG), ("u.connect(('10.9.0.2', 53))", STOCKADE_EVENT_CONNECT)])
  func audit(_ before: String, _ kind: stockade_event_kind) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.audit))
    world.outside.run("s = udp(('10.9.0.2', 53))")
    world.inside.run("u = udp(); \(before)")
    let send = before == "pass" ? "u.sendto(b'x', ('10.9.0.2', 53))" : "u.send(b'x')"
    for _ in 0..<3 { #expect(world.inside.run(send) == "1") }
    #expect(world.events.map(\.kind) == [kind.rawValue])
    #expect(world.events.map(\.effect) == [STOCKADE_AUDITED.rawValue])
  }

  @Test("with more flows than the table holds the newest is answered, and nothing that is allowed is refused")
  func flood() throws {
    let world = try NetworkWorld(ownBench: true)
    world.outside.run("t = udp(('10.9.0.3', 53))")
    world.inside.run("u = udp(('10.9.0.1', 3000))")
    try world.apply(ingress: .section(.block))
    for host in [4, 5] {
      #expect(world.inside.run("sum(u.sendto(b'', ('10.9.0.\(host)', port)) for port in range(1, 65536))") == "0")
    }
    #expect(world.inside.run("u.sendto(b'last', ('10.9.0.3', 53))") == "4")
    world.outside.run("t.sendto(b'answer', ('10.9.0.1', 3000))")
    #expect(world.inside.run("u.recvfrom(9)") == "(b'answer', ('10.9.0.3', 53))")
  }

  @Test("a container that fills its table takes no flow from another, and each table goes with its container")
  func shares() throws {
    let greedy = try NetworkWorld(), innocent = try NetworkWorld()
    for world in [greedy, innocent] { try world.apply(ingress: .section(.block)) }
    innocent.outside.run("s = udp(('10.9.0.2', 53))")
    innocent.inside.run("c = udp(); c.sendto(b'ask', ('10.9.0.2', 53)); port = c.getsockname()[1]")
    let port = innocent.inside.run("port")
    greedy.inside.run("u = udp()")
    for host in 2...3 {
      #expect(greedy.inside.run("sum(u.sendto(b'', ('10.9.0.\(host)', port)) for port in range(1, 65536))") == "0")
    }
    innocent.outside.run("s.sendto(b'answer', ('10.9.0.2', \(port))); s.sendto(b'answer', ('10.9.0.1', \(port)))")
    #expect(innocent.inside.run("c.recvfrom(9)") == "(b'answer', ('10.9.0.2', 53))")
    try greedy.bench.programs.detach(cgroupID: greedy.cgroupID)
    #expect(try greedy.bench.flows(of: greedy.cgroupID) == nil)
    #expect(try innocent.bench.flows(of: innocent.cgroupID) != nil)
  }

  @Test("a flow that was unused for longer than the limit is forgotten", arguments: [-1, 1])
  func idle(_ secondsOverTheLimit: Int) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    world.inside.run("u = udp(('10.9.0.1', 90))")
    world.outside.run("c = udp(('10.9.0.2', 1000)); c.sendto(b'ask', ('10.9.0.1', 90))")
    #expect(world.inside.run("u.recv(9)") == "b'ask'")
    try world.bench.ageFlows(of: world.cgroupID, seconds: Int(STOCKADE_FLOW_IDLE_SECONDS) + secondsOverTheLimit)
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', 1000))") == (secondsOverTheLimit > 0 ? "EPERM" : "1"))
  }

  @Test("an echo is refused by egress Block")
  func echoOut() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.3/32")))
    #expect(world.inside.run("raw(IPPROTO_ICMP).sendto(echo(5), ('10.9.0.2', 0))") == "EPERM")
    #expect(world.inside.run("raw(IPPROTO_ICMP).sendto(echo(5), ('10.9.0.3', 0))") == "8")
    #expect(
      world.inside.run("raw(58, AF_INET6).sendto(bytes([128, 0, 0, 0, 0, 5, 0, 1]), ('fd00:9::2', 0))") == "EPERM")
  }

  @Test("under ingress Block an echo's answer comes in, and no other ICMP")
  func echoAnswer() throws {
    let world = try NetworkWorld()
    world.inside.run("i = raw(IPPROTO_ICMP)")
    try world.apply(ingress: .section(.block))
    world.outside.run("o = raw(IPPROTO_ICMP); o.bind(('10.9.0.3', 0)); o.sendto(echo(6), ('10.9.0.1', 0))")
    #expect(world.inside.run("i.recv(99)") == "timeout")
    #expect(world.inside.run("i.sendto(echo(7), ('10.9.0.2', 0))") == "8")
    #expect(world.inside.run("(i.recv(99)[24:26], i.recv(99)[20])") == "(b'\\x00\\x07', 0)")
  }

  @Test("an ICMP error about the container's own packet comes in, about another's it does not")
  func errors() throws {
    let world = try NetworkWorld()
    world.inside.run("i = raw(IPPROTO_ICMP); u = udp(('10.9.0.1', 4000))")
    try world.apply(ingress: .section(.block))
    world.inside.run("u.sendto(b'x', ('10.9.0.2', 9999))")
    #expect(world.inside.run("i.recv(99)[20]") == "3")
    world.outside.run("v = udp(('10.9.0.3', 4001)); v.sendto(b'x', ('10.9.0.2', 9999))")
    #expect(world.inside.run("i.recv(99)") == "timeout")
  }

  @Test("bind is refused where ingress leaves the port to nobody", arguments: ["tcp", "udp"], ["AF_INET", "AF_INET6"])
  func bind(_ kind: String, _ family: String) throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block, .rule(.allow, "10.9.0.2/32", tcp: 80...81, udp: 80...81)))
    let any = family == "AF_INET" ? "0.0.0.0" : "::"
    for (port, answer) in [(0, "ok"), (79, "EPERM"), (80, "ok"), (81, "ok"), (82, "EPERM"), (65535, "EPERM")] {
      #expect(world.inside.run("\(kind)(('\(any)', \(port)), \(family))") == answer, "port \(port)")
    }
    #expect(world.events.map(\.kind) == Array(repeating: STOCKADE_EVENT_BIND.rawValue, count: 3))
    #expect(world.events.map(\.local_port) == [79, 82, 65535])
  }

  @Test("a port that bind lists may be bound under ingress Block, and lets in only answers")
  func bindList() throws {
    let world = try NetworkWorld()
    var network = NetworkSection()
    network.ingress = .section(.block)
    network.bind = BindList(
      ports: [PortRule(transport: .udp, first: 3000, last: 3001)], location: Location(file: "test.yaml", line: 1))
    try world.apply(network)
    for (line, answer) in [
      ("u = udp(('10.9.0.1', 3000))", "ok"), ("udp(('10.9.0.1', 3002))", "EPERM"), ("tcp(('10.9.0.1', 3000))", "EPERM"),
    ] { #expect(world.inside.run(line) == answer) }
    world.outside.run("o = udp(('10.9.0.3', 53)); p = udp(('10.9.0.4', 53)); p.sendto(b'x', ('10.9.0.1', 3000))")
    #expect(world.inside.run("u.recv(9)") == "timeout")
    #expect(world.inside.run("u.sendto(b'ask', ('10.9.0.3', 53))") == "3")
    world.outside.run("p.sendto(b'x', ('10.9.0.1', 3000)); o.sendto(b'answer', ('10.9.0.1', 3000))")
    #expect(world.inside.run("u.recvfrom(9)") == "(b'answer', ('10.9.0.3', 53))")
  }

  @Test("broadcast and multicast are addresses like others", arguments: ["255.255.255.255", "224.0.0.1", "ff02::1"])
  func multicast(_ address: String) throws {
    let world = try NetworkWorld()
    let family = address.contains(":") ? "AF_INET6" : "AF_INET"
    world.inside.run("u = udp(family=\(family)); u.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)")
    try world.apply(egress: .section(.block))
    #expect(world.inside.run("u.sendto(b'x', ('\(address)', 53))") == "EPERM")
  }
}
