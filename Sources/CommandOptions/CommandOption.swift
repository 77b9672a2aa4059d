/// One option of a command: its name, what its value is, what the help says, and what it sets.
package struct CommandOption<Values>: Sendable {
  package typealias Apply = @Sendable (inout Values, String) throws(UsageError) -> Void

  /// The name with its dashes: `--profile`, `-o`.
  package var name: String
  /// What stands for the value in the help; nil: the option is a switch and has no value.
  package var placeholder: String?
  package var help: String
  /// Whether it may be given more than once.
  package var isRepeatable: Bool
  /// The values that it takes, for completions; empty: any.
  package var words: [String]
  /// Gets the value. For a switch it gets an empty text.
  package var apply: Apply

  package init(
    _ name: String, _ placeholder: String? = nil, help: String, isRepeatable: Bool = false, words: [String] = [],
    apply: @escaping Apply
  ) {
    self.name = name
    self.placeholder = placeholder
    self.help = help
    self.isRepeatable = isRepeatable
    self.words = words
    self.apply = apply
  }

  /// The option as the help shows it: `--profile FILE`.
  var usage: String { [name, placeholder].compactMap(\.self).joined(separator: " ") }
}

/// What a command takes beside its options.
package struct Operands<Values>: Sendable {
  /// The operands as the usage line shows them: `PATH...`, `-- COMMAND [ARG...]`.
  package var usage: String
  /// Whether they come only after `--`. Then they are taken as they are, options or not.
  package var areAfterDashes: Bool
  /// What the first one can be, for completions; empty: anything.
  package var words: [String]
  package var apply: @Sendable (inout Values, [String]) throws(UsageError) -> Void

  package init(
    _ usage: String, areAfterDashes: Bool = false, words: [String] = [],
    apply: @escaping @Sendable (inout Values, [String]) throws(UsageError) -> Void
  ) {
    self.usage = usage
    self.areAfterDashes = areAfterDashes
    self.words = words
    self.apply = apply
  }
}

/// A command line that cannot be understood: what is wrong with it, and what to write.
package struct UsageError: Error, Equatable, CustomStringConvertible {
  package let description: String
  package init(_ description: String) { self.description = description }
}
