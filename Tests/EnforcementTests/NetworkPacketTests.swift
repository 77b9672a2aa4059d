import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// A packet as a line of Python that sends it, and what is to become of it.
struct PacketCase: Sendable, CustomTestStringConvertible {
  var testDescription: String
  var line: String
  var goesThrough: Bool
  var reason: stockade_reason?

  static func v4(
    _ name: String, to address: String = "10.9.0.2", _ rest: String, _ goesThrough: Bool,
    _ reason: stockade_reason? = nil
  ) -> Self {
    let line = "inject4('\(address)', ip4('\(address)', \(rest)))"
    return Self(testDescription: name, line: line, goesThrough: goesThrough, reason: reason)
  }

  static func v6(
    _ name: String, to address: String = "fd00:9::2", _ rest: String, _ goesThrough: Bool,
    _ reason: stockade_reason? = nil
  ) -> Self {
    let line = "inject6('\(address)', ip6('\(address)', \(rest)))"
    return Self(testDescription: name, line: line, goesThrough: goesThrough, reason: reason)
  }
}

/// Packets as an attacker writes them, by raw sockets of the container. A packet that goes through answers its length.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkPacketTests {
  /// Under: egress Block; 2 on TCP 80 and UDP 53, 3 on everything is allowed.
  static let toAllowList: [PacketCase] = [
    .v4("an allowed port", "17, ports(9, 53)", true),
    .v4("another port", "17, ports(9, 54)", false, STOCKADE_BY_DEFAULT),
    .v4("an allowed port of another protocol", "6, ports(9, 53, bytes(16))", false, STOCKADE_BY_DEFAULT),
    .v4("a SYN to an allowed port", "6, ports(9, 80, bytes([0] * 8 + [0x50, 2] + [0] * 6))", true),
    .v4("a SYN to another port", "6, ports(9, 81, bytes([0] * 8 + [0x50, 2] + [0] * 6))", false, STOCKADE_BY_DEFAULT),
    .v4("padding options before the port", "17, ports(9, 53), options=b'\\1\\1\\1\\0'", true),
    .v4("options that move the port", "17, ports(9, 54), options=bytes([1] * 40)", false, STOCKADE_BY_DEFAULT),
    .v4("a recorded route", "17, ports(9, 53), options=b'\\7\\7\\4\\0\\0\\0\\0\\0'", true),
    .v4(
      "a loose source route", "17, ports(9, 53), options=b'\\x83\\7\\4\\x0a\\x09\\0\\4\\0'", false,
      STOCKADE_UNPARSED_PACKET),
    .v4(
      "a strict source route after padding", "17, ports(9, 53), options=b'\\1\\x89\\7\\4\\x0a\\x09\\0\\4'", false,
      STOCKADE_UNPARSED_PACKET),
    .v4("an option of no length", "17, ports(9, 53), options=b'\\7\\0\\0\\0'", false, STOCKADE_UNPARSED_PACKET),
    .v4("another version", "17, ports(9, 53), version=6", false, STOCKADE_UNPARSED_PACKET),
    .v4("ports cut short", "17, b'\\0\\x35\\0'", false, STOCKADE_UNPARSED_PACKET),
    .v4("the first fragment", "17, ports(9, 53), fragment=0x2000", true),
    .v4("a later fragment where a rule names ports", "17, ports(9, 53), fragment=1", false, STOCKADE_BY_DEFAULT),
    .v4("a later fragment where everything is allowed", to: "10.9.0.3", "17, ports(9, 53), fragment=1", true),
    .v4("another protocol", "47, b'\\0\\0\\0\\0'", false, STOCKADE_BY_DEFAULT),
    .v4("another protocol where everything is allowed", to: "10.9.0.3", "47, b'\\0\\0\\0\\0'", true),
    .v4("a forged source", "17, ports(9, 54), source='10.9.0.3'", false, STOCKADE_BY_DEFAULT),
    .v6("an allowed port", "17, ports(9, 53)", true),
    .v6("another port", "17, ports(9, 54)", false, STOCKADE_BY_DEFAULT),
    .v6("hop-by-hop options", "0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + ports(9, 53)", true),
    .v6(
      "a forbidden port behind options", "60, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + ports(9, 54)", false,
      STOCKADE_BY_DEFAULT),
    .v6(
      "8 extension headers",
      "60, bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 7 + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + ports(9, 53)", true),
    .v6(
      "9 extension headers",
      "60, bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 8 + bytes([17, 0, 1, 4, 0, 0, 0, 0]) + ports(9, 53)",
      false, STOCKADE_UNPARSED_PACKET),
    .v6(
      "an extension longer than the packet", "60, bytes([17, 255, 1, 4, 0, 0, 0, 0]) + ports(9, 53)", false,
      STOCKADE_UNPARSED_PACKET),
    .v6(
      "a routing header with a segment left", "43, bytes([17, 2, 4, 1]) + bytes(20) + ports(9, 53)", false,
      STOCKADE_UNPARSED_PACKET),
    .v6("a routing header at its end", "43, bytes([17, 2, 4, 0]) + bytes(20) + ports(9, 53)", true),
    .v6("the first fragment", "44, bytes([17, 0, 0, 1, 0, 0, 0, 7]) + ports(9, 53)", true),
    .v6(
      "a later fragment where a rule names ports", "44, bytes([17, 0, 0, 8, 0, 0, 0, 7]) + ports(9, 53)", false,
      STOCKADE_BY_DEFAULT),
    .v6(
      "a later fragment where everything is allowed", to: "fd00:9::3",
      "44, bytes([17, 0, 0, 8, 0, 0, 0, 7]) + ports(9, 53)", true),
    .v6(
      "a later fragment that hides its protocol", to: "fd00:9::3",
      "44, bytes([60, 0, 0, 8, 0, 0, 0, 7]) + bytes(8)", false, STOCKADE_UNPARSED_PACKET),
    .v6("an authentication header", "51, bytes([17, 1, 0, 0]) + bytes(8) + ports(9, 53)", true),
    .v6("another version", "17, ports(9, 53), version=4", false, STOCKADE_UNPARSED_PACKET),
    .v6("a header cut short", "17, b''", false, STOCKADE_UNPARSED_PACKET),
  ]

  @Test("of a crafted packet the true port is judged, or it is dropped", arguments: toAllowList)
  func allowList(_ packet: PacketCase) throws {
    let rules: [NetworkRule] = [
      .rule(.allow, "10.9.0.2/32", tcp: 80...80, udp: 53...53),
      .rule(.allow, "fd00:9::2/128", tcp: 80...80, udp: 53...53),
      .rule(.allow, "10.9.0.3/32"), .rule(.allow, "fd00:9::3/128"),
    ]
    try check(packet, .section(.block, rules))
  }

  /// Under: egress Allow; UDP 53 is blocked everywhere.
  static let toBlockList: [PacketCase] = [
    .v4("another port", "17, ports(9, 54)", true),
    .v4("the blocked port", "17, ports(9, 53)", false, STOCKADE_BY_RULE),
    .v4("a later fragment of the protocol", "17, ports(9, 54), fragment=1", false, STOCKADE_BY_RULE),
    .v4("a later fragment of another protocol", "6, ports(9, 53), fragment=1", true),
    .v4("what cannot be parsed", "17, ports(9, 54), version=6", false, STOCKADE_UNPARSED_PACKET),
    .v6(
      "the blocked port behind options", "60, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + ports(9, 53)", false, STOCKADE_BY_RULE),
    .v6(
      "a later fragment of the protocol", "44, bytes([17, 0, 0, 8, 0, 0, 0, 7]) + ports(9, 54)", false, STOCKADE_BY_RULE
    ),
  ]

  @Test("a blocked port stays blocked in crafted packets", arguments: toBlockList)
  func blockList(_ packet: PacketCase) throws {
    try check(packet, .section(.allow, [.rule(.block, nil, udp: 53...53)]))
  }

  @Test("under egress rules that only audit, what cannot be parsed goes through and is reported")
  func audit() throws {
    let packet = PacketCase.v4("", "17, ports(9, 54), version=6", true, STOCKADE_UNPARSED_PACKET)
    try check(packet, .section(.allow, [.rule(.audit, nil, udp: 53...53)]))
  }

  @Test("without egress rules nothing that the container sends is dropped")
  func noRules() throws {
    let world = try NetworkWorld()
    try world.apply(ingress: .section(.block))
    #expect(world.inside.run("inject4('10.9.0.2', ip4('10.9.0.2', 17, ports(9, 54), version=6))") == "32")
  }

  private func check(_ packet: PacketCase, _ egress: NetworkDirection) throws {
    let world = try NetworkWorld()
    try world.apply(egress: egress)
    let answer = world.inside.run(packet.line)
    if packet.goesThrough { #expect(Int(answer) != nil, "\(answer)") } else { #expect(answer == "EPERM") }
    #expect(world.events.map(\.reason) == (packet.reason.map { [$0.rawValue] } ?? []))
  }

  private func worldWithNeighbour(_ egress: NetworkDirection) throws -> NetworkWorld {
    let world = try NetworkWorld.withNeighbour()
    try world.apply(egress: egress)
    return world
  }

  @Test("a datagram forged over loopback opens no way to the address that it pretends to come from")
  func forgedFlow() throws {
    let world = try worldWithNeighbour(.section(.block, .rule(.allow, "127.0.0.0/8")))
    world.inside.run("u = udp(('0.0.0.0', 90))")
    #expect(
      world.inside.run(
        "inject4('127.0.0.1', ip4('127.0.0.1', 17, ports(1000, 90, b'\\0\\x0c\\0\\0data'), source='10.8.0.2'))") == "32"
    )
    #expect(world.inside.run("u.recvfrom(9)") == "(b'data', ('10.8.0.2', 1000))")
    #expect(world.inside.run("u.sendto(b'x', ('10.8.0.2', 1000))") == "EPERM")
  }

  @Test(
    "what the kernel loops back of a forged multicast or broadcast opens no way to its source",
    arguments: ["224.0.0.1", "10.8.0.255", "255.255.255.255"])
  func loopedFlow(_ group: String) throws {
    let world = try worldWithNeighbour(.section(.block))
    world.inside.run("u = udp(('0.0.0.0', 90)); r = raw(IPPROTO_RAW); r.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)")
    world.inside.run("r.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b'd0')")
    world.inside.run("data = ports(1000, 90, b'\\0\\x0c\\0\\0data')")
    // The copy is looped back before the packet itself is judged.
    #expect(world.inside.run("r.sendto(ip4('\(group)', 17, data, source='10.8.0.2'), ('\(group)', 0))") == "EPERM")
    #expect(world.inside.run("u.recvfrom(9)") == "(b'data', ('10.8.0.2', 1000))")
    #expect(world.inside.run("u.sendto(b'x', ('10.8.0.2', 1000))") == "EPERM")
  }

  @Test("nor does what is looped back of a forged IPv6 multicast that is allowed")
  func loopedFlow6() throws {
    let world = try worldWithNeighbour(.section(.block, .rule(.allow, "ff02::1/128")))
    world.inside.run("u = udp(('::', 90), AF_INET6); r = raw(IPPROTO_RAW, AF_INET6)")
    world.inside.run("r.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b'd0')")
    world.inside.run("packet = ip6('ff02::1', 17, ports(1000, 90, b'\\0\\x0c\\0\\0data'), source='fd00:8::2')")
    world.inside.run(
      "packet = packet[:46] + struct.pack('!H', sum16(packet[8:40] + packet[40:] + bytes([0, 12, 0, 17]))) + packet[48:]"
    )
    #expect(world.inside.run("r.sendto(packet, ('ff02::1', 0))") == "52")
    #expect(world.inside.run("u.recvfrom(9)[1][:2]") == "('fd00:8::2', 1000)")
    #expect(world.inside.run("u.sendto(b'x', ('fd00:8::2', 1000))") == "EPERM")
  }
}
