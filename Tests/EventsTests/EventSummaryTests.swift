import BPF
import Policy
import Testing

@testable import Events

private func packet(_ kind: KernelEvent.Kind, _ peer: EventRecord.Peer) -> EventRecord {
  EventRecord(
    timeNanoseconds: 0, kind: kind, effect: .dropped, reason: .rule, cgroupID: CgroupID(1), profile: "web", tier: .none,
    peer: peer)
}

@Suite struct EventSummaryTests {
  @Test(
    "a line has the addresses and ports that its kind's rules speak of",
    arguments: [
      (.egress, .tcp, 80, 40000, "10.0.0.1:80 (TCP)"), (.connect, .tcp, 80, 0, "10.0.0.1:80 (TCP)"),
      (.sendmsg, .udp, 53, 40000, "10.0.0.1:53 (UDP)"), (.bind, .tcp, 0, 8080, "10.0.0.1:8080 (TCP)"),
      (.ingress, .tcp, 40000, 8080, "10.0.0.1:40000 to port 8080 (TCP)"),
      (.ingress, .sctp, 40000, 0, "10.0.0.1:40000 (SCTP)"), (.ingress, .icmp, 0, 7, "10.0.0.1 (ICMP)"),
      (.egress, .icmp, 0, 7, "10.0.0.1 (ICMP)"), (.egress, .other(47), 0, 0, "10.0.0.1 (protocol 47)"),
      (.egress, .tcp, 0, 0, "10.0.0.1 (TCP)"), (.socket, .tcp, 0, 0, "(TCP)"),
    ] as [(KernelEvent.Kind, EventRecord.Transport, UInt16, UInt16, String)])
  func peer(kind: KernelEvent.Kind, transport: EventRecord.Transport, port: UInt16, localPort: UInt16, text: String) {
    let peer = EventRecord.Peer(address: "10.0.0.1", port: port, localPort: localPort, transport: transport)
    #expect(packet(kind, peer).summary == "dropped \(kind.rawValue) \(text): rule of profile web")
  }

  @Test("an IPv6 address stands in brackets where a port follows")
  func ipv6() {
    let peer = EventRecord.Peer(address: "::1", port: 9, localPort: 8080, transport: .udp)
    #expect(packet(.ingress, peer).summary == "dropped ingress [::1]:9 to port 8080 (UDP): rule of profile web")
    let echo = EventRecord.Peer(address: "::1", port: 0, localPort: 1, transport: .icmpv6)
    #expect(packet(.egress, echo).summary == "dropped egress ::1 (ICMPv6): rule of profile web")
  }
}
