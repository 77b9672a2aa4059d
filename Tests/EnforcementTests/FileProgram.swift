import BPF
import CBPF
import CStockade
import Compilation
import Enforcement
import Glibc
import Policy
import System
import Testing

/// The file hooks' decision as a program that judges open files of this process. LSM programs cannot be run on demand.
final class FileProgram {
  /// nil: a file that no rule is about.
  typealias Answer = (action: Action, reason: UInt32, rule: UInt16)?

  private static let image = Result { try TestObject.compiled("file_decision") }

  private let bench: ExecBench
  private let object: OpaquePointer
  private let program: Int32
  private var revision = Revision(0)

  init() throws {
    let bench = try ExecBench.shared()
    self.bench = bench
    object = try TestObject.load(
      Self.image.get(),
      sharing: ["policies", "path_rules", "path_hash_keys", "arguments", "counters", "events", "rate"]
    ) { try bench.policy.shared.descriptor($0)!.number }
    program = bpf_program__fd(bpf_object__find_program_by_name(object, "file_decision"))
  }

  deinit {
    try? bench.policy.removePolicy(revision)
    bpf_object__close(object)
  }

  func apply(_ section: FileSection, mode: Mode = .enforce) throws {
    var profile = Profile(name: "test", file: "test.yaml")
    profile.fileAccess = section
    profile.mode = mode
    bench.replace(&revision)
    try bench.policy.install(
      PolicyCompiler.compile(profile).reduced(to: .lsm, hasNetwork: false, withoutNewExecutables: false),
      revision: revision)
  }

  /// What the kernel says of an access to this open file.
  ///
  /// - Parameter inAudit: in a temporary audit.
  func judge(
    _ file: borrowing FileDescriptor, _ access: Set<Access>, _ reach: FileReach, inAudit: Bool = false
  ) throws -> Answer {
    let bits = access.reduce(UInt64(0)) {
      $0 | UInt64($1 == .read ? STOCKADE_READ.rawValue : STOCKADE_WRITE.rawValue)
    }
    let numbers = [
      UInt64(file.number), revision.number, bits, UInt64(FileReach.allCases.firstIndex(of: reach)!),
      TestObject.flags(inAudit: inAudit),
    ]
    let answer = try TestObject.run(program, numbers)
    guard answer != .max, let action = Action(rawValue: UInt8(answer & 0xff)) else { return nil }
    return (action, answer >> 8 & 0xff, UInt16(answer >> 16))
  }

  /// As if a program had been interrupted on every CPU while it had that CPU's memory for itself; or as if none had.
  func setInterrupted(_ interrupted: Bool) throws {
    let map = bpf_object__find_map_by_name(object, "scratch")
    let cpus = Int(libbpf_num_possible_cpus())
    // Each CPU's value begins with the word that says so, and is padded to 8 bytes.
    let size = (Int(bpf_map__value_size(map)) + 7) & ~7
    var values = [UInt8](repeating: 0, count: size * cpus)
    for cpu in 0..<cpus { values[cpu * size] = interrupted ? 1 : 0 }
    var key: UInt32 = 0
    try call("write the map scratch") { bpf_map_update_elem(bpf_map__fd(map), &key, &values, UInt64(BPF_ANY)) }
  }

  /// How often the memory was found in use.
  func timesInterrupted() throws -> UInt64 {
    try bench.policy.counters()[.scratchBusy]
  }
}
