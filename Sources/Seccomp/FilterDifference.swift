import CSeccomp
import Policy

/// A filter as a runtime gets it, with the program that the kernel runs.
package struct ComparedFilter: Sendable {
  fileprivate let filter: SeccompFilter
  fileprivate let program: FilterProgram
  fileprivate let architecture: Architecture

  package init(_ resolved: ResolvedSeccomp, _ architecture: Architecture) throws(SeccompError) {
    filter = try adapt(resolved, to: .full).filter
    program = try FilterProgram(filter, architecture: architecture, at: resolved.location)
    self.architecture = architecture
  }

  /// The conditions of all rules that name a call.
  fileprivate func conditions(_ name: String) -> [SeccompFilter.Argument] {
    filter.syscalls.filter { $0.names.contains(name) }.flatMap(\.arguments)
  }
}

/// Calls that two filters do not answer alike.
package struct FilterDifference: Equatable, Sendable {
  package var name: String
  /// ` of x86`, ` with the arguments 0x10000000`; empty: always, on the node's own architecture.
  package var suffix: String
  package var a: FilterAction
  package var b: FilterAction

  /// The most combinations of arguments that are tried of one call.
  package static let examplesMax = 4096

  /// The calls whose conditions tell apart more combinations of arguments than are tried.
  package static func cut(_ a: ComparedFilter, _ b: ComparedFilter) -> [String] {
    let architectures = [a.architecture.ociName] + a.architecture.compatible
    return SyscallNames.names(on: architectures).filter { name in
      edges(a.conditions(name) + b.conditions(name)).reduce(1) { count, values in
        Swift.min(count * values.count, examplesMax + 1)
      } > examplesMax
    }
  }

  /// Runs both programs on every known call of every architecture of the node, with every argument that their
  /// conditions may tell apart, or as many of them as are tried.
  package static func all(_ a: ComparedFilter, _ b: ComparedFilter) -> [FilterDifference] {
    let native = a.architecture.ociName
    let own = differences(a, b, native, suffix: "")
    let others = a.architecture.compatible.flatMap { architecture in
      let word = FilterWords.architectures.first { $0.key == architecture }?.value ?? architecture
      return differences(a, b, architecture, suffix: " of \(word)")
    }
    // What differs on the node's own architecture is not told again for others.
    return own + others.filter { other in !own.contains { ($0.name, $0.a, $0.b) == (other.name, other.a, other.b) } }
  }

  private static func differences(
    _ a: ComparedFilter, _ b: ComparedFilter, _ architecture: String, suffix: String
  ) -> [FilterDifference] {
    SyscallNames.names(on: [architecture]).flatMap { name in
      let examples = examples(a.conditions(name) + b.conditions(name))
      let answers = examples.compactMap { arguments -> (arguments: [UInt64], a: FilterAction, b: FilterAction)? in
        guard let first = a.program.decide(name, on: architecture, arguments: arguments),
          let second = b.program.decide(name, on: architecture, arguments: arguments)
        else { return nil }
        return (arguments, first, second)
      }
      let different = answers.filter { $0.a != $0.b }
      guard let found = different.first else { return [FilterDifference]() }
      if different.allSatisfy({ ($0.a, $0.b) == (found.a, found.b) }), different.count == answers.count {
        return [FilterDifference(name: name, suffix: suffix, a: found.a, b: found.b)]
      }
      return firsts(different).map {
        FilterDifference(name: name, suffix: suffix + text($0.arguments), a: $0.a, b: $0.b)
      }
    }
  }

  /// One example of each pair of answers.
  private static func firsts(
    _ list: [(arguments: [UInt64], a: FilterAction, b: FilterAction)]
  ) -> [(arguments: [UInt64], a: FilterAction, b: FilterAction)] {
    list.enumerated().filter { index, found in
      !list[..<index].contains { ($0.a, $0.b) == (found.a, found.b) }
    }.map(\.element)
  }

  private static func text(_ arguments: [UInt64]) -> String {
    " with arguments such as " + arguments.map { "0x" + String($0, radix: 16) }.joined(separator: " ")
  }

  /// Arguments at the edges of all conditions, in all combinations, or as many of them as there may be.
  private static func examples(_ conditions: [SeccompFilter.Argument]) -> [[UInt64]] {
    edges(conditions).reduce([[]]) { examples, values in
      Array(examples.lazy.flatMap { arguments in values.lazy.map { arguments + [$0] } }.prefix(examplesMax))
    }
  }

  /// The values to try of each argument, up to the last one that has a condition.
  private static func edges(_ conditions: [SeccompFilter.Argument]) -> [[UInt64]] {
    guard let last = conditions.map({ Int($0.index) }).max() else { return [] }
    return (0...last).map { index in edges(ofOne: conditions.filter { $0.index == index }) }
  }

  private static func edges(ofOne conditions: [SeccompFilter.Argument]) -> [UInt64] {
    let found = conditions.flatMap { condition -> [UInt64] in
      guard condition.op == "SCMP_CMP_MASKED_EQ" else {
        return [condition.value, condition.value &- 1, condition.value &+ 1]
      }
      let lowest = condition.value & (~condition.value &+ 1)
      return [
        condition.valueTwo, condition.valueTwo | ~condition.value, condition.valueTwo ^ lowest, ~condition.valueTwo,
      ]
    }
    return Set([0, .max] + found).sorted()
  }
}
