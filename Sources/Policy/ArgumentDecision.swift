extension PathRule {
  /// Arguments of an exec that are looked at, NULs included (bpf/include/stockade.h).
  package static let argumentsMaxBytes = 4096

  /// The first argument rule that matches; nil where none does.
  ///
  /// Arguments longer than the bound match every Block rule: what is not seen is not trusted.
  func decide(arguments: [[UInt8]], rule: Int) -> Decision? {
    let seen = SeenArguments(arguments)
    for (index, argument) in self.arguments.enumerated() {
      if seen.match(argument) { return Decision(argument.action, .argument, rule: rule, argument: index) }
      if seen.isCut, argument.action == .block {
        return Decision(.block, .overLongArguments, rule: rule, argument: index)
      }
    }
    return nil
  }
}

/// The first bytes of an argv. The last argument may be cut.
private struct SeenArguments {
  var arguments: [[UInt8]] = []
  var isCut = false

  init(_ all: [[UInt8]]) {
    var left = PathRule.argumentsMaxBytes
    for argument in all {
      if argument.count + 1 > left {
        arguments.append(Array(argument.prefix(left)))
        isCut = true
        return
      }
      arguments.append(argument)
      left -= argument.count + 1
    }
  }

  func match(_ rule: ArgumentRule) -> Bool {
    let text = Array(rule.text.utf8)
    return arguments.indices.contains { index in
      (rule.index ?? index) == index && match(rule.kind, text, at: index)
    }
  }

  private func match(_ kind: ArgumentRule.Kind, _ text: [UInt8], at index: Int) -> Bool {
    switch kind {
    case .contains: contains(arguments[index], text)
    case .prefix: arguments[index].starts(with: text)
    case .equals: arguments[index] == text && !(isCut && index == arguments.count - 1)
    }
  }

  private func contains(_ bytes: [UInt8], _ text: [UInt8]) -> Bool {
    bytes.count >= text.count
      && (0...bytes.count - text.count).contains { bytes[$0...].starts(with: text) }
  }
}
