import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// Which rule decides, asked of the kernel.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkRuleTests {
  @Test("an exception is judged by the next rule, and a longer prefix wins over it")
  func except() throws {
    let world = try NetworkWorld()
    try world.apply(
      egress: .section(
        .block, .rule(.allow, "10.9.0.0/16", except: ["10.9.0.4/30"]), .rule(.allow, "10.9.0.6/32"),
        .rule(.allow, "fd00:9::/64", except: ["fd00:9::4/126"])))
    world.inside.run("u = udp(); v = udp(family=AF_INET6)")
    for (host, answer) in [(3, "1"), (4, "EPERM"), (5, "EPERM"), (6, "1"), (7, "EPERM"), (8, "1")] {
      #expect(world.inside.run("u.sendto(b'x', ('10.9.0.\(host)', 9))") == answer, "\(host)")
    }
    for (host, answer) in [(3, "1"), (4, "EPERM"), (7, "EPERM"), (8, "1")] {
      #expect(world.inside.run("v.sendto(b'x', ('fd00:9::\(host)', 9))") == answer, "\(host)")
    }
  }

  @Test("a port range holds both its ends and nothing beside them")
  func ranges() throws {
    let world = try NetworkWorld()
    try world.apply(egress: .section(.allow, .rule(.block, nil, udp: 1000...2000)))
    world.inside.run("u = udp()")
    for (port, answer) in [(999, "1"), (1000, "EPERM"), (2000, "EPERM"), (2001, "1")] {
      #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', \(port)))") == answer, "\(port)")
    }
    #expect(world.events.allSatisfy { $0.rule == 0 && $0.reason == STOCKADE_BY_RULE.rawValue })
  }

  @Test("the event names the rule that decided")
  func rule() throws {
    let world = try NetworkWorld()
    try world.apply(
      egress: .section(
        .allow, .rule(.block, "10.9.0.0/24"), .rule(.allow, nil, udp: 53...53), .rule(.block, "10.9.0.3/32", udp: 9...9)
      ))
    world.inside.run("u = udp()")
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.2', 53))") == "EPERM")
    #expect(world.inside.run("u.sendto(b'x', ('10.9.0.3', 9))") == "EPERM")
    #expect(world.inside.run("u.sendto(b'x', ('127.0.0.1', 9))") == "1")
    #expect(world.events.map(\.rule) == [0, 2])
  }
}
