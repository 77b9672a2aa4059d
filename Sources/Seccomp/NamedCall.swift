import CSeccomp
import Policy
import YAML

/// A system call of the node's own architecture, by its name.
package struct NamedCall: Equatable, Sendable {
  package var name: String
  package var arguments: [UInt64]

  package init(_ name: String, _ arguments: [UInt64] = []) { (self.name, self.arguments) = (name, arguments) }

  /// Why no call has the name; nil: one has.
  package static func problem(_ name: String) -> String? {
    if SyscallNames.number(of: name) != nil || SyscallNames.newer[name] != nil { return nil }
    return "unknown syscall \(quoted(name))"
      + Suggestion.advice(for: name, among: SyscallNames.all, otherwise: "syscalls(2) lists the names")
  }

  /// nil: the architecture does not have the call.
  func number(on architecture: Architecture) -> Int32? {
    let number = SyscallNames.number(of: name, on: architecture) ?? SyscallNames.newer[name]
    return number.map { Int32($0) }
  }
}

extension ReplayedFilter {
  /// What the filter answers; nil: it lets the call pass, or the architecture does not have the call.
  package func ruling(_ call: NamedCall) -> Ruling? {
    guard let number = call.number(on: architecture) else { return nil }
    let audit = seccomp_arch_resolve_name(architecture.rawValue)
    return ruling(audit: audit, number: number, arguments: call.arguments)
  }

  /// The rules that name the call, in the order of the filter's text, and whether the arguments match their conditions.
  package func rules(about call: NamedCall) -> [(rule: SeccompFilter.Rule, matches: Bool)] {
    rules[call.name].map { ($0, $0.matches(call.arguments, is32Bit: false)) }
  }

  /// The rule that decides; nil: the default does.
  package func decidingRule(about call: NamedCall) -> SeccompFilter.Rule? {
    rule(about: call.name, is32Bit: false, call.arguments)
  }

  package var defaultAction: String { section.defaultAction }

  package var place: Location { location.onLine(section.lines.defaultAction) }
}
