import BPF
import CBPF
import CStockade
import Compilation
import Policy
import System
import Testing

/// The decisions of the kernel hooks as programs that take plain numbers. The hooks themselves cannot be run on demand.
final class KernelProgram {
  private static let image = Result { try TestObject.compiled("kernel_decision") }

  private let bench: ExecBench
  private let object: OpaquePointer
  private var revision = Revision(0)

  init() throws {
    let bench = try ExecBench.shared()
    self.bench = bench
    object = try TestObject.load(Self.image.get(), sharing: ["containers", "policies", "counters"]) {
      try bench.policy.shared.descriptor($0)!.number
    }
  }

  deinit {
    try? bench.policy.removePolicy(revision)
    bpf_object__close(object)
  }

  func apply(_ profile: Profile) throws {
    bench.replace(&revision)
    try bench.policy.install(PolicyCompiler.compile(profile), revision: revision)
  }

  /// What the call reaches for, of what a profile can block.
  func surfaces(_ program: String, _ numbers: [UInt64]) throws -> [KernelSurface] {
    let bits = try run(program, numbers)
    let found = KernelSurface.allCases.filter { $0.kernelBit & bits != 0 }
    #expect(found.reduce(0) { $0 | $1.kernelBit } == bits)
    return found
  }

  /// nil: the call reaches for nothing that a profile can block.
  func surface(_ program: String, _ numbers: [UInt64]) throws -> KernelSurface? {
    let found = try surfaces(program, numbers)
    #expect(found.count <= 1)
    return found.first
  }

  /// The number of the family that a socket counts as; 0: nobody asks.
  func family(of family: UInt64, protocolNumber: UInt64, ofKernel: Bool) throws -> UInt32 {
    try run("socket_family", [family, protocolNumber, ofKernel ? 1 : 0])
  }

  func isCodeChange(flags: UInt64, protection: UInt64) throws -> Bool {
    try run("code_change", [flags, protection]) != 0
  }

  /// - Parameters:
  ///   - surfaces: empty: another container's task traces a process of this container.
  ///   - inAudit: in a temporary audit.
  /// - Returns: also which of the surfaces decides.
  func judge(_ surfaces: [KernelSurface], inAudit: Bool = false) throws -> (action: Action?, deciding: KernelSurface?) {
    let bits = surfaces.reduce(0) { $0 | $1.kernelBit }
    let answer = try run("kernel_decision", [revision.number, UInt64(bits), 0, TestObject.flags(inAudit: inAudit)])
    return (Self.action(answer & 0xff), KernelSurface.allCases.first { $0.kernelBit == answer >> 8 })
  }

  /// What becomes of a socket of the family with this number.
  func judge(family: UInt32, inAudit: Bool = false) throws -> Action? {
    let answer = try run(
      "kernel_decision",
      [
        revision.number, UInt64(STOCKADE_SURFACE_SOCKETS.rawValue), UInt64(family), TestObject.flags(inAudit: inAudit),
      ])
    return Self.action(answer & 0xff)
  }

  private static func action(_ effect: UInt32) -> Action? {
    switch effect {
    case 0: .allow
    case STOCKADE_AUDITED.rawValue: .audit
    case STOCKADE_REFUSED.rawValue: .block
    default: nil
    }
  }

  private func run(_ program: String, _ numbers: [UInt64]) throws -> UInt32 {
    let found = bpf_object__find_program_by_name(object, program)
    return try TestObject.run(bpf_program__fd(found), numbers + [0, 0, 0, 0].prefix(max(0, 4 - numbers.count)))
  }
}
