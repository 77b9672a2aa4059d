import Glibc
import Policy

/// A default errno other than EPERM, as rules.
///
/// A runtime drops the default errno of an NRI adjustment, and then answers EPERM. So each call that the default
/// decides gets a rule of its own. The finished program is compared with the one that runc makes of the filter as it is
/// written.
struct WrittenDefault {
  private let filter: SeccompFilter
  private let action: FilterAction
  private let program: FilterProgram
  private let architecture: Architecture
  private let location: Location
  /// By name: its rules by their place in the filter, without those that do what the default does.
  private var rules: [String: [Int]] = [:]
  private var actions: [FilterAction] = []

  /// nil: the runtime's own default errno is the filter's.
  init?(_ filter: SeccompFilter, architecture: Architecture, at location: Location) throws(SeccompError) {
    let action = try FilterAction(word: filter.defaultAction, errnoReturn: filter.defaultErrno, at: location)
    guard let errno = action.errno, errno != FilterAction.errnoDefault else { return nil }
    (self.filter, self.action, self.architecture, self.location) = (filter, action, architecture, location)
    program = try FilterProgram(filter, architecture: architecture, at: location)
    for rule in filter.syscalls {
      actions.append(
        try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: rule.location ?? location))
    }
    for (index, rule) in filter.syscalls.enumerated() where actions[index] != action {
      for name in rule.names { rules[name, default: []].append(index) }
    }
  }

  /// The filter that answers EPERM by default, and says what it does not answer as `filter` does.
  func written() throws(SeccompError) -> (filter: SeccompFilter, notes: [SeccompNote]) {
    let kept = rules.mapValues(effective)
    var plain = filter
    plain.defaultErrno = nil
    for index in plain.syscalls.indices {
      plain.syscalls[index].keepNames { kept[$0]?.contains(index) == true }
    }
    plain.syscalls.removeAll(where: \.names.isEmpty)
    let unnamed = decidedByDefault
    plain = plain.adding(rule(unnamed, if: []))

    let conditional = kept.filter { mayFallThrough($0.value) }.map(\.key).sorted()
    let failed = try differences(in: plain.adding(rule(conditional, if: [Self.always])), among: conditional)
    let written = plain.adding(rule(conditional.filter { failed[$0] == nil }, if: [Self.always]))
    let others = try differences(in: written, among: unnamed + rules.keys)
    if let name = others.filter({ $0.value != .defaultErrno }).keys.min() { throw undecidable(name) }
    return (written, notes(others.keys.sorted()))
  }

  private func rule(_ names: [String], if arguments: [SeccompFilter.Argument]) -> SeccompFilter.Rule {
    var rule = SeccompFilter.Rule(names: names, action: filter.defaultAction)
    rule.errnoReturn = action.errno.map(UInt32.init)
    rule.arguments = arguments
    return rule
  }

  /// Where this stands among other conditions, libseccomp puts it last, so that it decides where nothing else matches:
  /// it compares the last argument first. A rule without a condition would replace the others.
  private static let always = SeccompFilter.Argument(index: 0, value: 0, valueTwo: 0, op: "SCMP_CMP_GE")

  /// The rules of one call that have an effect. An unconditional rule replaces all others. Where it answers EPERM, runc
  /// leaves it out, because the default does the same: the others must be gone then.
  private func effective(_ indices: [Int]) -> [Int] {
    indices.first { filter.syscalls[$0].arguments.isEmpty }.map { [$0] } ?? indices
  }

  /// The calls that the default decides. Where the filter names the architecture, runc answers ENOSYS to calls that are
  /// newer than all in the filter, whatever the default says.
  private var decidedByDefault: [String] {
    let names = SyscallNames.names(on: filter.architectures + [architecture.ociName]).filter { rules[$0] == nil }
    guard filter.architectures.contains(architecture.ociName), action != .errno(UInt16(ENOSYS)) else { return names }
    let newest = filter.syscalls.flatMap(\.names).compactMap(number).max() ?? 0
    return names.filter { name in number(of: name).map { $0 <= newest } != false }
  }

  private func number(of name: String) -> Int? {
    SyscallNames.number(of: name, on: architecture) ?? SyscallNames.newer[name]
  }

  private func mayFallThrough(_ indices: [Int]) -> Bool {
    indices.allSatisfy { !filter.syscalls[$0].arguments.isEmpty && !answersAsRuntime($0) }
  }

  private func answersAsRuntime(_ index: Int) -> Bool {
    actions[index].errno == FilterAction.errnoDefault && filter.syscalls[index].action == filter.defaultAction
  }
}

extension WrittenDefault {
  private enum Difference {
    /// The runtime's default errno in place of the filter's.
    case defaultErrno
    case other
  }

  /// The calls that `written` answers in another way, for some arguments.
  private func differences(
    in written: SeccompFilter, among names: [String]
  ) throws(SeccompError) -> [String: Difference] {
    guard !names.isEmpty else { return [:] }
    let other = try FilterProgram(written, architecture: architecture, at: location)
    let architectures = Set(filter.architectures).union([architecture.ociName])
    var different: [String: Difference] = [:]
    for name in names {
      let probes = probes(of: name)
      for word in architectures.sorted() {
        for arguments in probes {
          let before = program.decide(name, on: word, arguments: arguments)
          let after = other.decide(name, on: word, arguments: arguments)
          guard before != after else { continue }
          let isErrno = before == action && after?.errno == FilterAction.errnoDefault
          different[name] = isErrno && different[name] != .other ? .defaultErrno : .other
        }
      }
    }
    return different
  }

  /// Arguments at the edges of each condition, and some that match none.
  private func probes(of name: String) -> [[UInt64]] {
    let none = [UInt64](repeating: 0, count: SeccompFilter.argumentsMax)
    var probes = [none, none.map { _ in .max }]
    for rule in (rules[name] ?? []).map({ filter.syscalls[$0] }) {
      for values in rule.arguments.map(\.edges) + [rule.arguments.compactMap(\.matchingValues.first)] {
        for value in values {
          var arguments = none
          for argument in rule.arguments { arguments[Int(argument.index)] = argument.matchingValues.first ?? value }
          probes.append(arguments)
          for argument in rule.arguments { arguments[Int(argument.index)] = value }
          probes.append(arguments)
        }
      }
    }
    return probes
  }

  private func undecidable(_ name: String) -> SeccompError {
    .refused(
      location,
      "the default errno \(action.errno ?? 0) cannot be written out as rules, since they would decide \"\(name)\" in "
        + "another way; use the default errno \(FilterAction.errnoDefault) (EPERM)")
  }

  private func notes(_ others: [String]) -> [SeccompNote] {
    let errno = action.errno ?? 0
    let written = SeccompNote(
      location,
      "no runtime passes on the default errno \(errno), so there is a rule with it for each call that the default "
        + "decides; numbers that no call has answer \(FilterAction.errnoDefault) (EPERM)")
    guard !others.isEmpty else { return [written] }
    return [
      written,
      .warning(
        location,
        "where no rule matches the arguments, these calls answer \(FilterAction.errnoDefault) (EPERM) in place of the "
          + "default errno \(errno): \(others.joined(separator: " "))"),
    ]
  }
}

extension SeccompFilter {
  /// With one rule more, unless it has no names.
  fileprivate func adding(_ rule: Rule) -> SeccompFilter {
    var filter = self
    if !rule.names.isEmpty { filter.syscalls.append(rule) }
    return filter
  }
}

extension SeccompFilter.Rule {
  /// Takes out the other names, with their lines.
  fileprivate mutating func keepNames(_ isKept: (String) -> Bool) {
    let kept = names.indices.filter { isKept(names[$0]) }
    lines.names = kept.compactMap { $0 < lines.names.count ? lines.names[$0] : nil }
    names = kept.map { names[$0] }
  }
}
