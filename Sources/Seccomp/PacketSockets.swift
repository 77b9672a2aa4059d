import Glibc
import Policy

extension FilterProgram {
  /// Whether the program denies every way to open a packet socket or an AF_XDP socket. Both send and receive past
  /// network rules.
  func deniesPacketSockets(on architecture: Architecture) -> Bool {
    let architectures = [architecture.ociName] + architecture.compatible
    func denies(_ call: String, _ arguments: [UInt64]) -> Bool {
      // nil: the architecture has no such call.
      architectures.allSatisfy { decide(call, on: $0, arguments: arguments)?.denies ?? true }
    }
    // 32-bit programs hide the arguments in memory, and a ring opens sockets without this call.
    return denies("socketcall", [Self.socketOfSocketcall]) && denies("io_uring_setup", [1])
      && Self.packetSockets.allSatisfy { denies("socket", $0) }
  }

  private static let socketOfSocketcall: UInt64 = 1

  /// A filter can look at each argument. The kernel reads 32 bits of each, of the type 4 bits and two flags.
  private static let packetSockets: [[UInt64]] = {
    let raw = UInt64(SOCK_RAW.rawValue), datagram = UInt64(SOCK_DGRAM.rawValue)
    let flags = [0, UInt64(SOCK_CLOEXEC.rawValue), UInt64(SOCK_NONBLOCK.rawValue)]
    // The kernel makes AF_PACKET of AF_INET with SOCK_PACKET.
    let kinds =
      [(AF_PACKET, raw), (AF_PACKET, datagram), (AF_XDP, raw), (AF_INET, UInt64(SOCK_PACKET.rawValue))]
    return kinds.flatMap { family, type in
      [0, UInt64(1) << 32].flatMap { high in
        flags.flatMap { flag in [0, 0x300, 0x8100].map { [UInt64(family) | high, type | flag, $0] } }
      }
    }
  }()
}
