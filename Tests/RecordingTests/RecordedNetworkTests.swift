import Compilation
import Policy
import Testing

@testable import Recording

@Suite struct RecordedNetworkTests {
  private func network(
    _ peers: [(Recording.Direction, String, UInt16)], binds: [(PortRule.TransportProtocol, UInt16)] = [],
    keepsAddresses: Bool = false
  ) -> NetworkSection {
    var recording = Recording.of()
    for (direction, address, port) in peers {
      let port = Recording.Port(transport: .tcp, port: port)
      recording.connections[.init(direction: direction, address: CIDR.address(address)!, port: port)] = 1
    }
    for (transport, port) in binds { recording.binds[.init(transport: transport, port: port)] = 1 }
    var options = RecordedProfile.Options()
    options.keepsAddresses = keepsAddresses
    return RecordedProfile(of: [recording], options).profile.network
  }

  @Test(
    "so many addresses of a port are listed, and one more opens the port to any address, unless they are to be kept")
  func addresses() {
    let peers = (1...Peers.max + 1).map { (Recording.Direction.egress, "192.0.2.\($0)", UInt16(443)) }
    #expect(network(peers.dropLast()).egress?.rules.count == Peers.max)
    let any = network(peers).egress?.rules ?? []
    #expect(any.map(\.cidr) == [nil])
    #expect(any.first?.ports == [PortRule(transport: .tcp, first: 443, last: 443)])
    #expect(network(peers, keepsAddresses: true).egress?.rules.count == Peers.max + 1)
  }

  @Test("loopback is one prefix, and an IPv4 address in IPv6 is the IPv4 address")
  func prefixes() {
    let rules =
      network([(.egress, "127.0.0.1", 80), (.egress, "127.0.0.2", 80), (.egress, "::ffff:192.0.2.1", 80)])
      .egress?.rules ?? []
    #expect(rules.compactMap(\.cidr).map(\.description) == ["127.0.0.0/8", "192.0.2.1/32"])
  }

  @Test("ports next to each other are a range, and many that the kernel chose are all of those")
  func ranges() {
    let peers = ([80, 81, 82] + (1...6).map { 40000 + $0 * 3 }).map {
      (Recording.Direction.egress, "192.0.2.1", UInt16($0))
    }
    #expect(network(peers).egress?.rules.first?.ports.map(\.text) == ["TCP 80-82", "TCP 32768-65535"])
  }

  @Test("bound ports of TCP are a server's; of UDP they are a client's if nobody connected")
  func binds() {
    let found = network([(.ingress, "192.0.2.1", 80)], binds: [(.tcp, 80), (.tcp, 9090), (.udp, 5353), (.tcp, 0)])
    #expect(found.ingress?.rules.flatMap(\.ports).map(\.text) == ["TCP 80", "TCP 9090"])
    #expect(found.bind?.ports.map(\.text) == ["UDP 5353"])
    let many = network([], binds: (0..<9).map { (.udp, UInt16(2000 + 7 * $0)) } + [(.udp, 53)])
    #expect(many.bind?.ports.map(\.text) == ["UDP 53", "UDP 1024-65535"])
  }

  @Test("more than the kernel's tables hold is left out, and the head says so")
  func room() {
    var recording = Recording.of()
    for number in 0..<200 {
      let port = Recording.Port(transport: .tcp, port: UInt16(1 + 2 * number))
      recording.connections[.init(direction: .egress, address: [192, 0, 2, 1], port: port)] = 1
      recording.connections[.init(direction: .ingress, address: [192, 0, 2, 1], port: port)] = 1
    }
    for number in 0..<5000 { recording.execs[.of("/bin/\(number)")] = 1 }
    let made = RecordedProfile(of: [recording])
    #expect(PolicyCompiler.problems(of: made.profile) == [])
    #expect(made.leftOut.count == 136 + 170 + 904)
    #expect(made.text.contains("# WARNING: no rule for /bin/"))
  }

  @Test("a peer without a port has no rule, since a rule would be about every protocol")
  func portless() {
    var recording = Recording.of()
    recording.connections[.init(direction: .egress, address: [192, 0, 2, 1], port: .init(transport: nil, port: 0))] = 1
    let made = RecordedProfile(of: [recording])
    #expect(made.leftOut == ["egress 192.0.2.1 without a port"])
    #expect(made.profile.network.egress?.rules.isEmpty == true)
  }
}
