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
    try world.inside.run("u = udp(family=\(family)); v = udp(family=\(family)); w = udp(family=\(family))")
    #expect(try world.inside.run("u.sendto(b'x', ('\(address)', 53))") == "1")
    #expect(try world.inside.run("u.sendto(b'x', ('\(address)', 54))") == "EPERM")
    #expect(try world.inside.run("v.connect(('\(address)', 54))") == "EPERM")
    #expect(try world.inside.run("w.connect(('\(address)', 53))") == "ok")
    let kinds = world.events.map(\.kind)
    #expect(kinds == [STOCKADE_EVENT_SENDMSG.rawValue, STOCKADE_EVENT_CONNECT.rawValue])
    #expect(world.events.allSatisfy { $0.remote_port == 54 && $0.protocol == 17 })
  }

  @Test("a server under egress Block answers its client, by sendto and by connect, and nobody else")
  func server() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    try world.inside.run("u = udp(('10.9.0.1', 90))")
    try world.outside.run("c = udp(('10.9.0.2', 1000)); c.sendto(b'ask', ('10.9.0.1', 90))")
    #expect(try world.inside.run("u.recvfrom(9)") == "(b'ask', ('10.9.0.2', 1000))")
    #expect(try world.inside.run("u.sendto(b'answer', ('10.9.0.2', 1000))") == "6")
    #expect(try world.outside.run("c.recv(9)") == "b'answer'")
    #expect(try world.inside.run("u.sendto(b'x', ('10.9.0.2', 1001))") == "EPERM")
    #expect(try world.inside.run("u.sendto(b'x', ('10.9.0.3', 1000))") == "EPERM")
    #expect(try world.inside.run("u.connect(('10.9.0.2', 1000)); u.send(b'more')") == "ok")
    #expect(try world.outside.run("c.recv(9)") == "b'more'")
  }

  @Test("a client under ingress Block gets its answers and nothing else")
  func client() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    try world.outside.run("s = udp(('10.9.0.2', 53)); other = udp(('10.9.0.3', 53))")
    try world.inside.run("c = udp(); c.sendto(b'ask', ('10.9.0.2', 53)); port = c.getsockname()[1]")
    let port = try world.inside.run("port")
    #expect(try world.outside.run("other.sendto(b'unasked', ('10.9.0.2', \(port)))") == "7")
    try world.outside.run("s.recvfrom(9)")
    #expect(try world.outside.run("s.sendto(b'answer', ('10.9.0.2', \(port)))") == "6")
    #expect(try world.inside.run("c.recvfrom(9)") == "(b'answer', ('10.9.0.2', 53))")
    #expect(try world.inside.run("c.recvfrom(9)") == "timeout")
    #expect(world.events.map(\.kind) == [STOCKADE_EVENT_INGRESS.rawValue])
  }

  @Test("a connected socket older than the attach hears its peer under ingress Block")
  func older() throws {
    let world = try NetworkWorld()
    try world.outside.run("s = udp(('10.9.0.2', 53))")
    try world.inside.run("c = udp(('10.9.0.1', 2000)); c.connect(('10.9.0.2', 53)); d = udp(('10.9.0.1', 2001))")
    try world.apply(ingress: .section(.block))
    try world.outside.run("s.sendto(b'news', ('10.9.0.1', 2000)); s.sendto(b'news', ('10.9.0.1', 2001))")
    #expect(try world.inside.run("c.recv(9)") == "b'news'")
    #expect(try world.inside.run("d.recv(9)") == "timeout")
  }

  @Test("a reload ends a flow that it forbids; its peer may then be spoken to by the other direction's rules")
  func reload() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block))
    try world.inside.run("u = udp(('10.9.0.1', 90))")
    try world.outside.run("c = udp(('10.9.0.2', 1000)); c.sendto(b'ask', ('10.9.0.1', 90))")
    #expect(try world.inside.run("u.recv(9)") == "b'ask'")
    let refused = NetworkDirection.section(.allow, .rule(.block, "10.9.0.2/32"))
    try world.apply(egress: .section(.block), ingress: refused)
    #expect(try world.inside.run("u.sendto(b'x', ('10.9.0.2', 1000))") == "EPERM")
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.2/32")), ingress: refused)
    #expect(try world.inside.run("u.sendto(b'x', ('10.9.0.2', 1000))") == "1")
    #expect(try world.outside.run("c.sendto(b'answer', ('10.9.0.1', 90))") == "6")
    #expect(try world.inside.run("u.recv(9)") == "b'answer'")
  }

  @Test(
    "an audited flow is reported once",
    arguments: [("pass", STOCKADE_EVENT_SENDMSG), ("u.connect(('10.9.0.2', 53))", STOCKADE_EVENT_CONNECT)])
  func audit(_ before: String, _ kind: stockade_event_kind) throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.audit))
    try world.outside.run("s = udp(('10.9.0.2', 53))")
    try world.inside.run("u = udp(); \(before)")
    let send = before == "pass" ? "u.sendto(b'x', ('10.9.0.2', 53))" : "u.send(b'x')"
    for _ in 0..<3 { #expect(try world.inside.run(send) == "1") }
    #expect(world.events.map(\.kind) == [kind.rawValue])
    #expect(world.events.map(\.effect) == [STOCKADE_AUDITED.rawValue])
  }

  @Test("more flows than the table holds: the oldest is forgotten, the newest is answered")
  func flood() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    try world.outside.run("s = udp(('10.9.0.2', 53)); t = udp(('10.9.0.3', 53))")
    try world.inside.run("u = udp(('10.9.0.1', 3000)); u.sendto(b'first', ('10.9.0.2', 53))")
    for host in [4, 5] {
      #expect(try world.inside.run("sum(u.sendto(b'', ('10.9.0.\(host)', port)) for port in range(1, 65536))") == "0")
    }
    try world.inside.run("u.sendto(b'last', ('10.9.0.3', 53))")
    try world.outside.run("s.sendto(b'late', ('10.9.0.1', 3000)); t.sendto(b'answer', ('10.9.0.1', 3000))")
    #expect(try world.inside.run("u.recvfrom(9)") == "(b'answer', ('10.9.0.3', 53))")
    #expect(try world.inside.run("u.recvfrom(9)") == "timeout")
  }

  @Test("an echo is refused by egress Block")
  func echoOut() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.block, .rule(.allow, "10.9.0.3/32")))
    #expect(try world.inside.run("raw(IPPROTO_ICMP).sendto(echo(5), ('10.9.0.2', 0))") == "EPERM")
    #expect(try world.inside.run("raw(IPPROTO_ICMP).sendto(echo(5), ('10.9.0.3', 0))") == "8")
    #expect(try world.inside.run("raw(58, AF_INET6).sendto(bytes([128, 0, 0, 0, 0, 5, 0, 1]), ('fd00:9::2', 0))") == "EPERM")
  }

  @Test("under ingress Block an echo's answer comes in, and no other ICMP")
  func echoAnswer() throws {
    let world = try NetworkWorld()
    try world.inside.run("i = raw(IPPROTO_ICMP)")
    try world.apply(ingress: .section(.block))
    try world.outside.run("o = raw(IPPROTO_ICMP); o.bind(('10.9.0.3', 0)); o.sendto(echo(6), ('10.9.0.1', 0))")
    #expect(try world.inside.run("i.recv(99)") == "timeout")
    #expect(try world.inside.run("i.sendto(echo(7), ('10.9.0.2', 0))") == "8")
    #expect(try world.inside.run("(i.recv(99)[24:26], i.recv(99)[20])") == "(b'\\x00\\x07', 0)")
  }

  @Test("an ICMP error about the container's own packet comes in, about another's it does not")
  func errors() throws {
    let world = try NetworkWorld()
    try world.inside.run("i = raw(IPPROTO_ICMP); u = udp(('10.9.0.1', 4000))")
    try world.apply(ingress: .section(.block))
    try world.inside.run("u.sendto(b'x', ('10.9.0.2', 9999))")
    #expect(try world.inside.run("i.recv(99)[20]") == "3")
    try world.outside.run("v = udp(('10.9.0.3', 4000)); v.sendto(b'x', ('10.9.0.2', 9999))")
    #expect(try world.inside.run("i.recv(99)") == "timeout")
  }

  @Test("bind is refused where ingress leaves the port to nobody", arguments: ["tcp", "udp"], ["AF_INET", "AF_INET6"])
  func bind(_ kind: String, _ family: String) throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block, .rule(.allow, "10.9.0.2/32", tcp: 80...81, udp: 80...81)))
    let any = family == "AF_INET" ? "0.0.0.0" : "::"
    for (port, answer) in [(0, "ok"), (79, "EPERM"), (80, "ok"), (81, "ok"), (82, "EPERM"), (65535, "EPERM")] {
      #expect(try world.inside.run("\(kind)(('\(any)', \(port)), \(family))") == answer, "port \(port)")
    }
    #expect(world.events.map(\.kind) == Array(repeating: STOCKADE_EVENT_BIND.rawValue, count: 3))
    #expect(world.events.map(\.local_port) == [79, 82, 65535])
  }

  @Test("broadcast and multicast are addresses like others", arguments: ["255.255.255.255", "224.0.0.1", "ff02::1"])
  func multicast(_ address: String) throws {
    let world = try NetworkWorld()
    let family = address.contains(":") ? "AF_INET6" : "AF_INET"
    try world.inside.run("u = udp(family=\(family)); u.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)")
    try world.apply(egress: .section(.block))
    #expect(try world.inside.run("u.sendto(b'x', ('\(address)', 53))") == "EPERM")
  }
}
