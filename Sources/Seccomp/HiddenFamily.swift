import Glibc
import Policy

/// A family of which a socket can also be made under the name of another family.
struct HiddenFamily {
  let family: SocketFamily
  /// The numbers of the families whose name it takes.
  let names: Set<UInt64>
  /// The argument of socket(2) that says so, what it is then, and patterns of all that a program needs else.
  let argument: UInt32
  let pattern: BitPattern
  let others: [BitPattern]

  static let all = [
    // A protocol of the internet's families. Above the bit of its number the kernel knows no other one but MPTCP.
    HiddenFamily(
      family: .smc, names: [number(.inet), number(.inet6)], argument: 2, pattern: BitPattern(smcProtocol),
      others: [BitPattern(mask: smcProtocol, value: 0), BitPattern(mptcpProtocol)]),
    // An old type: the kernel makes AF_PACKET of it. Other types above its highest bit do not exist.
    HiddenFamily(
      family: .packet, names: [number(.inet)], argument: 1, pattern: BitPattern(mask: typeMask, value: packetType),
      others: [BitPattern(mask: packetType & ~2, value: 0)]),
  ]

  /// Values of the argument by which it is made, at the edges of what the kernel reads.
  var examples: [UInt64] {
    let flags = [0, UInt64(SOCK_CLOEXEC.rawValue), UInt64(SOCK_NONBLOCK.rawValue)]
    return (argument == 1 ? flags : [0]).flatMap { flag in [0, UInt64(1) << 32].map { pattern.value | flag | $0 } }
  }

  private static func number(_ family: SocketFamily) -> UInt64 { UInt64(family.rawValue) }

  private static let smcProtocol: UInt64 = 256
  private static let mptcpProtocol: UInt64 = 262
  private static let typeMask: UInt64 = 0xf
  private static let packetType = UInt64(SOCK_PACKET.rawValue)
}
