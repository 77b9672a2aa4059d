import BPF
import CBPF
import CStockade
import Compilation
import Glibc
import Policy
import System

/// The network programs' decision as a program that judges packets told in numbers.
final class NetworkProgram {
  enum Direction: UInt64 { case egress = 1, ingress = 2, bind = 3 }

  private let bench: NetworkBench
  private let object: OpaquePointer
  private let program: Int32
  private var revision = Revision(0)

  init() throws {
    bench = try NetworkBench.shared()
    object = try TestObject.load(
      TestObject.compiled("network_decision"), sharing: ["policies", "egress4", "egress6", "ingress4", "ingress6"],
      of: bench.map)
    program = bpf_program__fd(bpf_object__find_program_by_name(object, "network_decision"))
  }

  deinit {
    forget()
    bpf_object__close(object)
  }

  private func forget() {
    try? bench.remove("policies", revision)
    try? bench.tables.remove([revision])
  }

  func apply(_ compiled: CompiledPolicy) throws {
    forget()
    revision = bench.nextRevision()
    try bench.tables.install(compiled, revision: revision)
    try bench.update("policies", revision, stockade_policy(compiled, revision: revision))
  }

  func judge(
    _ direction: Direction, _ address: [UInt8], _ port: UInt16, _ protocolNumber: UInt8, inAudit: Bool = false
  ) throws -> (action: Action?, rule: Int?) {
    // As the programs hold IPv4.
    let mapped = address.count == 4 ? [UInt8](repeating: 0, count: 10) + [0xff, 0xff] + address : address
    let halves = mapped.withUnsafeBytes { bytes in
      [0, 8].map { bytes.loadUnaligned(fromByteOffset: $0, as: UInt64.self) }
    }
    let answer = try TestObject.run(
      program,
      [revision.number, direction.rawValue] + halves
        + [UInt64(port), UInt64(protocolNumber), TestObject.flags(inAudit: inAudit)])
    let rule = answer >> 8 & 0xff == STOCKADE_BY_RULE.rawValue ? Int(answer >> 16) : nil
    return (Action(rawValue: UInt8(answer & 0xff)), rule)
  }
}
