extension PathRule {
  /// How many bytes of an exec's arguments are looked at, with their NULs (bpf/include/stockade.h).
  package static let argumentsMaxBytes = 4096

  /// The strictest action that the rule and its argument rules can say. It holds for arguments that are too long to be
  /// looked at, because what is not seen is not trusted.
  package var strictest: Action { arguments.map(\.action).reduce(action, max) }

  /// What the rule says of an exec that it matches. The first argument rule that matches decides.
  func decide(arguments: [[UInt8]], rule: Int) -> Decision {
    guard !self.arguments.isEmpty else { return Decision(action, .rule, rule: rule) }
    if arguments.reduce(0, { $0 + $1.count + 1 }) > Self.argumentsMaxBytes {
      return Decision(strictest, .overLongArguments, rule: rule)
    }
    guard let index = self.arguments.firstIndex(where: { $0.matches(arguments) }) else {
      return Decision(action, .rule, rule: rule)
    }
    return Decision(self.arguments[index].action, .argument, rule: rule, argument: index)
  }
}

extension ArgumentRule {
  fileprivate func matches(_ arguments: [[UInt8]]) -> Bool {
    let text = Array(self.text.utf8)
    return arguments.indices.contains { (index ?? $0) == $0 && matches(arguments[$0], text) }
  }

  private func matches(_ argument: [UInt8], _ text: [UInt8]) -> Bool {
    switch kind {
    case .equals: argument == text
    case .prefix: argument.starts(with: text)
    case .contains:
      argument.count >= text.count
        && (0...argument.count - text.count).contains { argument[$0...].starts(with: text) }
    }
  }
}
