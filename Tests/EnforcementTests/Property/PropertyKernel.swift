import BPF
import CBPF
import CStockade
import Compilation
import Policy
import System
import Testing

/// The kernel's decisions under one profile after the other, by programs that run the product's own functions.
final class PropertyKernel {
  private let bench: ExecBench
  private let object: OpaquePointer
  private let network: NetworkProgram
  private let kernel: KernelProgram
  private var revision = Revision(0)
  /// What the kernel leaves out, since it allows everything.
  private var compiled = CompiledPolicy()

  init() throws {
    let bench = try ExecBench.shared()
    self.bench = bench
    object = try TestObject.load(
      TestObject.compiled("path_decision"),
      sharing: ["policies", "path_rules", "path_hash_keys", "arguments", "counters", "events", "rate"]
    ) { try bench.policy.shared.descriptor($0)!.number }
    network = try NetworkProgram()
    kernel = try KernelProgram()
  }

  deinit {
    try? bench.policy.removePolicy(revision)
    bpf_object__close(object)
  }

  func apply(_ profile: Profile) throws {
    bench.replace(&revision)
    compiled = try PolicyCompiler.compile(profile)
    try bench.policy.install(compiled, revision: revision)
    try network.apply(compiled)
    try kernel.apply(profile)
  }

  /// nil: it judged nothing.
  func verdict(on question: PropertyQuestion) throws -> PropertyVerdict? {
    let inAudit = question.inAudit
    switch question.what {
    case .exec(let image, let arguments): return try judge("exec_decision", image, arguments, inAudit)
    case .map(let image): return try judge("mapping_decision", image, [], inAudit)
    case .file(let path, let access, let reach): return try judge(path, access, reach, inAudit)
    case .egress(let peer): return try judge(.egress, peer, inAudit)
    case .ingress(let peer): return try judge(.ingress, peer, inAudit)
    case .bind(let port, let transport):
      let judged = try network.judge(.bind, [0, 0, 0, 0], port, transport.number, inAudit: inAudit)
      return judged.action.map { PropertyVerdict($0) }
    case .kernel(let surfaces):
      // Of no surface, the program judges another container's task.
      if surfaces.isEmpty { return PropertyVerdict(.allow) }
      return try kernel.judge(surfaces, inAudit: inAudit).action.map { PropertyVerdict($0) }
    case .family(let number):
      return try kernel.judge(family: UInt32(number), inAudit: inAudit).map { PropertyVerdict($0) }
    }
  }

  // MARK: Network

  private func judge(
    _ direction: NetworkProgram.Direction, _ peer: PropertyCase.Peer, _ inAudit: Bool
  ) throws -> PropertyVerdict? {
    let number = peer.transport?.number ?? 1
    let judged = try network.judge(direction, peer.address, peer.port, number, inAudit: inAudit)
    return judged.action.map {
      PropertyVerdict(Decision($0, judged.rule == nil ? .defaultAction : .rule, rule: judged.rule))
    }
  }

  // MARK: Paths

  private func judge(
    _ program: String, _ image: PropertyCase.Image, _ arguments: [[UInt8]], _ inAudit: Bool
  ) throws -> PropertyVerdict? {
    let words: [UInt8] = Array(arguments.map { $0 + [0] }.joined())
    return try words.withUnsafeBytes { bytes in
      let start = UInt64(UInt(bitPattern: bytes.baseAddress))
      let exception: UInt64 = image.isEntrypoint ? 1 : image.isRunByEnv ? 2 : 0
      return try ask(
        program, image.path, inAudit,
        [
          image.isNew ? 1 : 0, image.isFileless ? 1 : 0, exception, start, start + UInt64(words.count),
          UInt64(arguments.count), 0,
        ])
    }
  }

  private func judge(
    _ path: [UInt8], _ access: Set<Access>, _ reach: FileReach, _ inAudit: Bool
  ) throws -> PropertyVerdict? {
    // A section that allows everything is not in the kernel at all: its hooks leave before any decision.
    guard compiled.file != nil else { return PropertyVerdict(.allow) }
    let bits = access.reduce(UInt64(0)) {
      $0 | UInt64($1 == .read ? STOCKADE_READ.rawValue : STOCKADE_WRITE.rawValue)
    }
    let reached = UInt64(FileReach.allCases.firstIndex(of: reach)!)
    return try ask("file_decision", path, inAudit, [0, 0, 0, 0, 0, 0, bits | reached << 8])
  }

  private func ask(
    _ program: String, _ path: [UInt8], _ inAudit: Bool, _ rest: [UInt64]
  ) throws -> PropertyVerdict? {
    // The programs find a path at the end of their memory for it.
    let isOverLong = path.count > ProcessSection.pathMaxBytes
    let start = ProcessSection.pathMaxBytes - (isOverLong ? 0 : path.count)
    let room = [UInt8](repeating: 0, count: start) + (isOverLong ? [] : path)
    let lastSlash = start + (path.lastIndex(of: UInt8(ascii: "/")) ?? 0)
    let answer = try room.withUnsafeBytes { bytes in
      let question =
        [
          revision.number, UInt64(UInt(bitPattern: bytes.baseAddress)), isOverLong ? 1 : 0, UInt64(start),
          UInt64(lastSlash), TestObject.flags(inAudit: inAudit),
        ] + rest
      return try question.withUnsafeBytes { question in
        try TestObject.run(
          bpf_program__fd(bpf_object__find_program_by_name(object, program)),
          [UInt64(UInt(bitPattern: question.baseAddress))])
      }
    }
    return verdict(of: answer)
  }

  private func verdict(of answer: UInt32) -> PropertyVerdict? {
    guard answer != .max, let action = Action(rawValue: UInt8(answer & 3)) else { return nil }
    let reason = Decision.Reason.allCases.first { $0.kernelNumber == answer >> 8 & 0xff } ?? .noSection
    let rule = answer >> 16 == 0xffff ? nil : Int(answer >> 16)
    return PropertyVerdict(
      Decision(action, reason, rule: rule, argument: reason == .argument ? Int(answer >> 2 & 0x3f) : nil))
  }
}

extension Decision.Reason {
  /// nil: what is allowed for this reason is not reported.
  fileprivate var kernelNumber: UInt32? {
    switch self {
    case .rule: STOCKADE_BY_RULE.rawValue
    case .defaultAction: STOCKADE_BY_DEFAULT.rawValue
    case .newExecutables: STOCKADE_NEW_EXECUTABLE.rawValue
    case .fileless: STOCKADE_FILELESS.rawValue
    case .overLongPath: STOCKADE_OVER_LONG_PATH.rawValue
    case .argument: STOCKADE_ARGUMENT.rawValue
    case .overLongArguments: STOCKADE_OVER_LONG_ARGUMENTS.rawValue
    case .noSection, .entrypoint: nil
    }
  }
}
