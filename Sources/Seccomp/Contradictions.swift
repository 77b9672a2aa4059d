import Policy

/// Finds rules that do not take effect because another rule of the same call wins.
///
/// libseccomp drops rules without a word. Of an unconditional rule and rules with conditions, it keeps only the first
/// kind. Of two rules that overlap, it keeps one. So the finished program is asked: where several rules match, the
/// strictest must decide.
///
/// An inline filter is refused for that. A file is often somebody else's, and the runtimes that it was written for take
/// it: there it is a warning.
enum Contradictions {
  private struct Candidate {
    var rule: SeccompFilter.Rule
    var action: FilterAction
    var location: Location
  }

  static func find(
    _ filter: SeccompFilter, program: FilterProgram, architecture: Architecture, at location: Location
  ) throws(SeccompError) -> [SeccompNote] {
    var candidates: [String: [Candidate]] = [:]
    for rule in filter.syscalls {
      let place = rule.location ?? location
      let action = try FilterAction(word: rule.action, errnoReturn: rule.errnoReturn, at: place)
      for name in rule.names {
        candidates[name, default: []].append(Candidate(rule: rule, action: action, location: place))
      }
    }
    return candidates.sorted { $0.key < $1.key }.compactMap { name, rules in
      contradiction(name, rules, program: program, architecture: architecture)
    }
  }

  private static func contradiction(
    _ name: String, _ rules: [Candidate], program: FilterProgram, architecture: Architecture
  ) -> SeccompNote? {
    for (index, first) in rules.enumerated() {
      for second in rules[(index + 1)...] where first.action.strictness != second.action.strictness {
        guard let arguments = witness(first.rule, second.rule),
          let decision = program.decide(name, on: architecture.ociName, arguments: arguments)
        else { continue }
        let strict = first.action.strictness > second.action.strictness ? first : second
        let weak = first.action.strictness > second.action.strictness ? second : first
        guard decision.strictness < strict.action.strictness else { continue }
        return .warning(
          strict.location,
          "\(strict.rule.action) for \"\(name)\" has no effect, since the rule at line \(weak.location.line) says "
            + "\(weak.rule.action) for the same call; make their conditions exclude each other, or remove one")
      }
    }
    return nil
  }

  /// Arguments that both rules match; nil: none were found, as for conditions that exclude each other.
  private static func witness(_ first: SeccompFilter.Rule, _ second: SeccompFilter.Rule) -> [UInt64]? {
    let both = first.arguments + second.arguments
    var arguments = [UInt64](repeating: 0, count: SeccompFilter.argumentsMax)
    for condition in both {
      let choices = both.filter { $0.index == condition.index }.flatMap(\.matchingValues)
      let matching = choices.first { choice in
        both.allSatisfy { $0.index != condition.index || $0.matches(choice) }
      }
      guard let matching else { return nil }
      arguments[Int(condition.index)] = matching
    }
    return arguments
  }
}

extension SeccompFilter.Argument {
  func matches(_ argument: UInt64) -> Bool {
    switch op {
    case "SCMP_CMP_NE": argument != value
    case "SCMP_CMP_LT": argument < value
    case "SCMP_CMP_LE": argument <= value
    case "SCMP_CMP_EQ": argument == value
    case "SCMP_CMP_GE": argument >= value
    case "SCMP_CMP_GT": argument > value
    case "SCMP_CMP_MASKED_EQ": argument & value == valueTwo
    default: false
    }
  }

  /// Values at the edges of what matches. If two conditions have a common value, mostly one of these values is common.
  var matchingValues: [UInt64] { edges.filter(matches) }

  /// Values on both sides of the edges.
  var edges: [UInt64] { [value, value &+ 1, value &- 1, valueTwo, valueTwo | ~value, 0, 1, .max] }
}
