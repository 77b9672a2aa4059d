import BPF
import Compilation
import Policy
import PolicyTesting
import Testing

/// What the kernel says of packets and of bind(2) under random rules, against what Policy decides from the rules.
@Suite(.enabled(if: NetworkBench.isPossible, NetworkBench.why), .serialized)
struct NetworkOracleTests {
  @Test("the kernel decides as the profile's rules say")
  func sameVerdicts() throws {
    let program = try NetworkProgram()
    for seed in 0..<60 as Range<UInt64> { #expect(try differences(seed, program).isEmpty, "seed \(seed)") }
  }

  private func differences(_ seed: UInt64, _ program: NetworkProgram) throws -> [String] {
    var random = SplitMix(state: seed)
    var profile = Profile(name: "random", file: "random.yaml")
    profile.network.egress = RandomNetwork.section(&random)
    profile.network.ingress = RandomNetwork.section(&random)
    profile.network.bind = RandomNetwork.bind(&random)
    let compiled = try PolicyCompiler.compile(profile)
    try program.apply(compiled)
    var wrong: [String] = []
    for _ in 0..<200 {
      let address = RandomNetwork.addresses.randomElement(using: &random)!
      let port = RandomNetwork.ports.randomElement(using: &random)!
      let (transport, number) = RandomNetwork.transports.randomElement(using: &random)!
      let out = profile.decideEgress(address: address, port: port, transport: transport)
      let into = profile.decideIngress(address: address, port: port, transport: transport)
      let egress = try program.judge(.egress, address, port, number)
      let ingress = try program.judge(.ingress, address, port, number)
      if egress.action != out.action || egress.rule != out.rule { wrong.append("egress \(address) \(number) \(port)") }
      if ingress.action != into.action || ingress.rule != into.rule {
        wrong.append("ingress \(address) \(number) \(port)")
      }
      let softened = try program.judge(.egress, address, port, number, inAudit: true)
      if softened.action != min(out.action, .audit) || softened.rule != out.rule {
        wrong.append("egress in a temporary audit \(address) \(number) \(port)")
      }
      guard number == 6 || number == 17 else { continue }
      let bind = profile.decideBind(port: port, transport: transport).action
      let bound = compiled.binds.first {
        $0.protocolNumber == number && $0.first <= port && port <= $0.last
      }
      if bound?.action ?? .allow != bind { wrong.append("bind \(number) \(port)") }
    }
    return wrong
  }
}
