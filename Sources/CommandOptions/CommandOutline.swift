/// What a command's help says, as values: for completions and manual pages.
package struct CommandOutline: Sendable {
  package struct Option: Sendable {
    package var name: String
    /// nil: the option is a switch.
    package var placeholder: String?
    package var help: String
    /// The values that it takes; empty: any.
    package var words: [String]
  }

  package var name: String
  package var summary: String
  package var description: String
  package var usage: String
  package var options: [Option]
  /// The words that the first operand can be; empty: any, or there are none.
  package var operandWords: [String]
  /// Whether operands are files.
  package var takesFiles: Bool
  package var examples: [(command: String, meaning: String)]
  package var exitStatuses: [(status: String, meaning: String)]
}

extension CommandSyntax {
  package var outline: CommandOutline {
    CommandOutline(
      name: name, summary: summary, description: description, usage: usage,
      options: options.map { .init(name: $0.name, placeholder: $0.placeholder, help: helpText($0), words: $0.words) }
        + [.init(name: "--help", placeholder: nil, help: "print this", words: [])],
      operandWords: operands?.words ?? [], takesFiles: operands.map { Self.isFile($0.usage) } ?? false,
      examples: examples, exitStatuses: exitStatuses)
  }

  private static func isFile(_ usage: String) -> Bool {
    CommandOutline.filePlaceholders.contains { usage.contains($0) }
  }
}

extension CommandOutline {
  /// Values that are paths.
  static let filePlaceholders = ["FILE", "DIR", "PATH", "PROGRAM", "FOLDER"]
}

extension CommandOutline.Option {
  var takesFiles: Bool { placeholder.map { CommandOutline.filePlaceholders.contains($0) } ?? false }
}
