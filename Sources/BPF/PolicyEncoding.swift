import CStockade
import Compilation
import Glibc
import Policy

/// A compiled policy in the structs of bpf/include/stockade.h.

extension stockade_policy {
  package init(_ compiled: CompiledPolicy, revision: Revision) {
    self.init()
    self.revision = revision.number
    if let process = compiled.process { set(process) }
    if let file = compiled.file { set(file) }
    if let kernel = compiled.kernel { set(kernel) }
    if let egress = compiled.egress {
      flags |= STOCKADE_HAS_EGRESS.rawValue
      (egress_default, egress_strictest) = (egress.defaultAction.rawValue, egress.strictest.rawValue)
    }
    if let ingress = compiled.ingress {
      flags |= STOCKADE_HAS_INGRESS.rawValue
      (ingress_default, ingress_strictest) = (ingress.defaultAction.rawValue, ingress.strictest.rawValue)
    }
    if compiled.binds.isEmpty { return }
    flags |= STOCKADE_HAS_BIND.rawValue
    bind_range_count = UInt8(compiled.binds.count)
    withUnsafeMutableBytes(of: &bind_ranges) { $0.copy(compiled.binds) }
  }

  private mutating func set(_ process: CompiledPolicy.Process) {
    flags |= STOCKADE_HAS_PROCESS.rawValue
    if process.allowEntrypoint { flags |= STOCKADE_ALLOW_ENTRYPOINT.rawValue }
    if process.auditsEntrypoint { flags |= STOCKADE_AUDIT_ENTRYPOINT.rawValue }
    if !process.arguments.isEmpty { flags |= STOCKADE_HAS_ARGUMENTS.rawValue }
    process_default = process.defaultAction.rawValue
    new_executables = process.newExecutables.rawValue
    fileless = process.fileless.rawValue
    over_long = process.overLong.rawValue
    unknown_path =
      process.unknownPath.rawValue + 1 | (process.unknownMappedPath.rawValue + 1) << UInt8(STOCKADE_MAPPED_SHIFT)
    withUnsafeMutableBytes(of: &directory_lengths) { $0.setLengths(of: process.paths) }
  }

  private mutating func set(_ file: CompiledPolicy.File) {
    flags |= STOCKADE_HAS_FILE.rawValue
    (file_default, file_strictest) = (file.defaultAction.rawValue, file.strictest.rawValue)
    withUnsafeMutableBytes(of: &file_directory_lengths) { $0.setLengths(of: file.paths) }
  }

  private mutating func set(_ kernel: CompiledPolicy.Kernel) {
    kernel_blocked = kernel.blocked.reduce(0) { $0 | $1.kernelBit }
    kernel_audited = kernel.audited.reduce(0) { $0 | $1.kernelBit }
    if let sockets = kernel.sockets { set(sockets) }
    switch kernel.otherContainers {
    case .allow: flags |= STOCKADE_OTHER_CONTAINERS.rawValue
    case .audit: flags |= STOCKADE_AUDIT_OTHER_CONTAINERS.rawValue
    case .block: break
    }
  }

  private mutating func set(_ sockets: CompiledPolicy.Sockets) {
    switch sockets.action {
    case .block: kernel_blocked |= STOCKADE_SURFACE_SOCKETS.rawValue
    case .audit: kernel_audited |= STOCKADE_SURFACE_SOCKETS.rawValue
    case .allow: break
    }
    if sockets.auditsListed { kernel_audited |= STOCKADE_SURFACE_SOCKETS.rawValue }
    let bits = sockets.families.reduce(UInt64(0)) { $0 | 1 << UInt64($1.rawValue) }
    withUnsafeMutableBytes(of: &file_directory_lengths) {
      $0.bindMemory(to: UInt64.self)[Int(STOCKADE_FAMILIES_WORD)] |= bits
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Bit n of 64-bit words: some directory's path is n bytes long.
  fileprivate func setLengths(of paths: [CompiledPolicy.Path]) {
    let words = bindMemory(to: UInt64.self)
    for path in paths where path.isDirectory { words[path.bytes.count / 64] |= 1 << UInt64(path.bytes.count % 64) }
  }

  fileprivate func copy(_ verdicts: [CompiledPolicy.PortVerdict]) {
    _ = bindMemory(to: stockade_port_range.self).update(fromContentsOf: verdicts.map(stockade_port_range.init))
  }
}

extension stockade_verdict {
  /// nil: no rule says anything about it.
  package init(_ verdict: CompiledPolicy.Verdict?) {
    self.init()
    guard let verdict else { return }
    (present, action, allow_new) = (1, verdict.action.rawValue, verdict.allowsNew ? 1 : 0)
    strictest = verdict.strictest.rawValue
    (rule, arguments) = (UInt32(verdict.rule), UInt32(verdict.arguments))
  }
}

extension stockade_path_rule {
  package init(_ path: CompiledPolicy.Path) {
    func both(_ verdicts: CompiledPolicy.Verdicts) -> (stockade_verdict, stockade_verdict) {
      (stockade_verdict(verdicts.read), stockade_verdict(verdicts.write))
    }
    self.init(direct: both(path.direct), deep: both(path.deep))
  }
}

extension stockade_argument_key {
  package init(_ argument: CompiledPolicy.Argument, revision: Revision) {
    self.init(revision: revision.number, rule: UInt32(argument.rule), position: UInt32(argument.position))
  }
}

extension stockade_argument {
  package init(_ rule: ArgumentRule) {
    self.init()
    let bytes = Array(rule.text.utf8)
    kind = UInt8(rule.kind.kernelKind.rawValue)
    action = rule.action.rawValue
    length = UInt16(bytes.count)
    index = rule.index.map { UInt32($0) } ?? STOCKADE_NO_RULE
    withUnsafeMutableBytes(of: &text) { $0.copyBytes(from: bytes) }
  }
}

extension ArgumentRule.Kind {
  fileprivate var kernelKind: stockade_argument_kind {
    switch self {
    case .contains: STOCKADE_CONTAINS
    case .equals: STOCKADE_EQUALS
    case .prefix: STOCKADE_PREFIX
    }
  }
}

extension stockade_port_range {
  package init(_ verdict: CompiledPolicy.PortVerdict) {
    self.init(
      protocol: verdict.protocolNumber, action: verdict.action.rawValue, first: verdict.first, last: verdict.last,
      pad: 0, rule: verdict.rule.map { UInt32($0) } ?? STOCKADE_NO_RULE)
  }
}

extension stockade_net_node {
  package init(_ prefix: CompiledPolicy.Prefix) {
    self.init()
    count = UInt32(prefix.entries.count)
    withUnsafeMutableBytes(of: &entries) { $0.copy(prefix.entries) }
  }
}

extension KernelSurface {
  /// `enum stockade_surface`.
  package var kernelBit: UInt32 {
    switch self {
    case .mount: STOCKADE_SURFACE_MOUNT.rawValue
    case .ptrace: STOCKADE_SURFACE_PTRACE.rawValue
    case .userNamespaces: STOCKADE_SURFACE_USER_NAMESPACES.rawValue
    case .bpf: STOCKADE_SURFACE_BPF.rawValue
    case .ioUring: STOCKADE_SURFACE_IO_URING.rawValue
    case .packetSockets: STOCKADE_SURFACE_PACKET_SOCKETS.rawValue
    case .moduleLoad: STOCKADE_SURFACE_MODULE_LOAD.rawValue
    case .keyrings: STOCKADE_SURFACE_KEYRINGS.rawValue
    case .perfEvents: STOCKADE_SURFACE_PERF_EVENTS.rawValue
    case .executableMemory: STOCKADE_SURFACE_EXECUTABLE_MEMORY.rawValue
    }
  }
}
