import Glibc
import Policy
import PolicyTesting
import Testing

/// The reference model against real sockets of a container, on random rules.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct SocketPropertyTests {
  private static let socketsOfProfile = 80

  @Test("connect and bind of real sockets fail where the model blocks them", arguments: 0..<16 as Range<UInt64>)
  func sockets(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let world = try NetworkWorld()
    world.inside.run(Self.refused)
    var profile = Profile(name: "random", file: "random.yaml")
    profile.network.egress = RandomNetwork.section(&random)
    profile.network.ingress = RandomNetwork.section(&random)
    profile.network.bind = RandomNetwork.bind(&random)
    try world.apply(profile.network)
    let attempts = (0..<Self.socketsOfProfile).map { _ in Attempt(&random) }
    let list = attempts.map(\.python).joined(separator: ",")
    let answers = world.inside.run("''.join('10'[not refused(*a)] for a in [\(list)])")
    PropertyCount.add("real sockets", attempts.count)
    let expected = attempts.map { $0.isBlocked(by: profile) ? "1" : "0" }.joined()
    #expect(answers == expected, "\(list) under \(profile.network)")
  }

  /// Whether a call of a new socket fails with EPERM.
  private static let refused = """
    exec('def refused(family, kind, call, where):\\n s = socket(family, kind)\\n try: getattr(s, call)(where)\\n \
    except OSError as e: return e.errno == errno.EPERM\\n finally: s.close()\\n return False', globals())
    """
}

/// One call of a socket of its own.
private struct Attempt {
  private let isBind: Bool
  private let address: [UInt8]
  private let port: UInt16
  private let isTCP: Bool

  init(_ random: inout SplitMix) {
    isBind = Int.random(in: 0..<4, using: &random) == 0
    address = RandomNetwork.addresses.randomElement(using: &random)!
    // Binding port 0 is always allowed.
    port = RandomNetwork.ports.dropFirst(isBind ? 1 : 0).randomElement(using: &random)!
    // A TCP connect waits for an answer.
    isTCP = isBind && Bool.random(using: &random)
  }

  var python: String {
    let isIPv4 = address.count == 4
    let host = isBind ? (isIPv4 ? "" : "::") : String(CIDR(bytes: address, prefixLength: 0).description.dropLast(2))
    return "(\(isIPv4 ? "AF_INET" : "AF_INET6"),\(isTCP ? "SOCK_STREAM" : "SOCK_DGRAM"),"
      + "'\(isBind ? "bind" : "connect")',('\(host)',\(port)))"
  }

  func isBlocked(by profile: Profile) -> Bool {
    let transport: PortRule.TransportProtocol = isTCP ? .tcp : .udp
    let decision =
      isBind
      ? profile.decideBind(port: port, transport: transport)
      : profile.decideEgress(address: address, port: port, transport: transport)
    return decision.action == .block
  }
}
