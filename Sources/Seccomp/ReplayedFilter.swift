import CSeccomp
import Glibc
import Policy

/// A filter that a container got, which can be asked afterwards what it answered to a call, and why.
package struct ReplayedFilter: Sendable {
  /// The part of a profile by which a filter denies a call.
  package enum Part: Equatable, Sendable {
    /// A rule of `syscalls`. nil: the filter is Stockade's own, which has no list that a reader could look at.
    case rule(index: Int?, Location)
    case defaultAction(Location)
    /// The call is one of an architecture that the filter does not list.
    case architectures(Location)
    case kernelBlock(KernelSurface)
    case kernelSockets
  }

  /// Why a call was not made, or was logged.
  package struct Ruling: Equatable, Sendable {
    package var action: FilterAction
    package var part: Part
    /// Whether the answer says that the call does not exist, and libraries then use `clone`, which the filter judges by
    /// its arguments.
    package var isFallback = false
  }

  private let program: FilterProgram
  let section: SeccompFilter
  let rules: RulesByCall
  private let demands: FilterDemands
  let architecture: Architecture
  let location: Location
  /// Calls about which the filter that was sent has rules with conditions.
  let conditional: Set<String>

  /// Builds the program, which takes libseccomp some milliseconds.
  ///
  /// - Parameters:
  ///   - sent: the filter that the runtime got.
  ///   - resolved: what it was made from.
  package init(
    _ sent: SeccompFilter, of resolved: ResolvedSeccomp, architecture: Architecture
  ) throws(SeccompError) {
    program = try FilterProgram(sent, architecture: architecture, at: resolved.location)
    (section, demands) = (resolved.section, resolved.demands)
    (rules, location) = (RulesByCall(section), resolved.location)
    conditional = Set(sent.syscalls.filter { !$0.arguments.isEmpty }.flatMap(\.names))
    self.architecture = architecture
  }

  /// What the filter answered; nil: it let the call pass.
  ///
  /// - Parameters:
  ///   - audit: the kernel's AUDIT_ARCH_* of the call.
  ///   - number: with bit 30 set for x32.
  package func ruling(audit: UInt32, number: Int32, arguments: [UInt64]) -> Ruling? {
    guard let action = program.decide(architecture: audit, number: number, arguments: arguments), action != .allow
    else { return nil }
    let call = Call(audit: audit, number: number)
    return Ruling(
      action: action, part: part(for: call, arguments), isFallback: isFallback(call, action, arguments))
  }

  private func isFallback(_ call: Call, _ action: FilterAction, _ arguments: [UInt64]) -> Bool {
    guard let name = call.name, name == "clone3" else { return false }
    // In mode Audit the answer would be the rule's, or what is added where no rule is.
    let errno =
      action == .log ? rule(about: name, is32Bit: call.is32Bit, arguments).map(\.errnoReturn) ?? UInt32(ENOSYS) : nil
    return action == .errno(UInt16(ENOSYS)) || errno == UInt32(ENOSYS)
  }

  private func part(for call: Call, _ arguments: [UInt64]) -> Part {
    guard let name = call.name, isListed(call) else { return partWithoutName(call) }
    if let rule = rule(about: name, is32Bit: call.is32Bit, arguments) {
      guard passes(rule.action) else { return .rule(index: rule.index, rule.location ?? location) }
    } else if !passes(section.defaultAction) {
      return .defaultAction(location.onLine(section.lines.defaultAction))
    }
    return demanded(name)
  }

  /// What denies a call that the section itself lets pass.
  private func demanded(_ name: String) -> Part {
    if demands.deniesImpliedCode, name == "personality" { return .kernelBlock(.executableMemory) }
    if demands.families != nil, (FilterDemands.socketCalls + FilterDemands.ringCalls).contains(name) {
      return .kernelSockets
    }
    return .defaultAction(location.onLine(section.lines.defaultAction))
  }

  private func partWithoutName(_ call: Call) -> Part {
    if call.ociName != architecture.ociName, !section.architectures.contains(call.ociName) {
      return .architectures(location.onLine(section.lines.architectures.first))
    }
    // With `kernel.sockets`, the other architectures that the section lists are left out.
    if call.ociName != architecture.ociName, demands.families != nil { return .kernelSockets }
    return .defaultAction(location.onLine(section.lines.defaultAction))
  }

  private func isListed(_ call: Call) -> Bool {
    call.ociName == architecture.ociName || (demands.families == nil && section.architectures.contains(call.ociName))
  }

  /// The rule of the section that decides; nil: the default does. Of several that match, one that denies.
  func rule(about name: String, is32Bit: Bool, _ arguments: [UInt64]) -> SeccompFilter.Rule? {
    let rules = rules[name]
    if let rule = rules.first(where: \.arguments.isEmpty) { return rule }
    let matching = rules.filter { $0.matches(arguments, is32Bit: is32Bit) }
    return matching.first { !passes($0.action) } ?? matching.first
  }

  private func passes(_ action: String) -> Bool {
    (try? FilterAction(word: action, errnoReturn: nil, at: location)).map { !$0.denies && $0 != .log } ?? false
  }
}

extension ReplayedFilter {
  /// A call as the kernel names it.
  package struct Call: Equatable, Sendable {
    private static let x32Bit: Int32 = 0x4000_0000
    private let token: UInt32
    let number: Int32
    /// libseccomp's word for the architecture, with x32 as one of its own; or the number of AUDIT_ARCH_*.
    package let architecture: String

    package init(audit: UInt32, number: Int32) {
      let isX32 = audit == seccomp_arch_resolve_name("x86_64") && number & Self.x32Bit != 0
      let token = isX32 ? seccomp_arch_resolve_name("x32") : audit
      let word = FilterWords.architectures.first { seccomp_arch_resolve_name($0.value) == token }?.value
      (self.token, self.number, architecture) = (token, number, word ?? "\(audit)")
    }

    /// nil: the architecture has no such call, as far as is known.
    init?(_ name: String, on ociName: String) {
      guard let word = FilterWords.architectures.first(where: { $0.key == ociName })?.value else { return nil }
      token = seccomp_arch_resolve_name(word)
      let known = seccomp_syscall_resolve_name_arch(token, name)
      guard let number = known >= 0 ? known : SyscallNames.newer[name].map(Int32.init) else { return nil }
      (self.number, architecture) = (number, word)
    }

    /// The kernel has no architecture of its own for x32.
    var audit: UInt32 { architecture == "x32" ? seccomp_arch_resolve_name("x86_64") : token }

    /// Empty: nobody knows the architecture.
    package var ociName: String { FilterWords.architectures.first { $0.value == architecture }?.key ?? "" }

    var is32Bit: Bool { FilterWords.with32BitArguments.contains(ociName) }

    /// nil: nobody knows such a call.
    package var name: String? {
      if let found = seccomp_syscall_resolve_num_arch(token, number) {
        defer { free(found) }
        return String(cString: found)
      }
      let newer = SyscallNames.newer.filter { $0.value == Int(number & ~Self.x32Bit) }.keys
      return newer.count == 1 ? newer.first : nil
    }
  }
}

extension SeccompFilter.Rule {
  func matches(_ values: [UInt64], is32Bit: Bool) -> Bool {
    arguments.allSatisfy { condition in
      let index = Int(condition.index)
      return condition.matches(index < values.count ? values[index] : 0, is32Bit: is32Bit)
    }
  }
}

extension SeccompFilter.Argument {
  /// On a 32-bit ABI libseccomp compares only the low half.
  fileprivate func matches(_ argument: UInt64, is32Bit: Bool) -> Bool {
    guard is32Bit else { return matches(argument) }
    var low = self
    (low.value, low.valueTwo) = (value & 0xffff_ffff, valueTwo & 0xffff_ffff)
    return low.matches(argument & 0xffff_ffff)
  }
}

extension SeccompFilter {
  /// Whether some answer does not look like an error to whoever sees only the result of a call.
  package var answersUnseen: Bool {
    ([(defaultAction, defaultErrno)] + syscalls.map { ($0.action, $0.errnoReturn) }).contains { action, errno in
      action == "SCMP_ACT_LOG" || errno == 0
    }
  }
}
