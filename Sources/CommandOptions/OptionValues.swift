import Policy
import System

/// How the values of options are read. Each function throws a message that names the option and the values that it
/// takes.
package enum OptionValue {
  package static func pair(_ value: String, of option: String) throws(UsageError) -> (String, String) {
    guard let equals = value.firstIndex(of: "="), equals > value.startIndex else {
      throw UsageError("\(option) needs NAME=VALUE, not \"\(value)\"")
    }
    return (String(value[..<equals]), String(value[value.index(after: equals)...]))
  }

  package static func number(_ value: String, of option: String, _ range: ClosedRange<Int>) throws(UsageError) -> Int {
    guard let number = Int(value), range.contains(number) else {
      throw UsageError("\(option) needs a number from \(range.lowerBound) to \(range.upperBound), not \"\(value)\"")
    }
    return number
  }

  package static func word<Word>(_ value: String, of option: String) throws(UsageError) -> Word
  where Word: RawRepresentable<String> & CaseIterable {
    guard let word = Word(rawValue: value) else {
      throw UsageError("\(option) takes one of \(list(Word.self)), not \"\(value)\"")
    }
    return word
  }

  package static func list<Word>(_ type: Word.Type) -> String where Word: RawRepresentable<String> & CaseIterable {
    Word.allCases.map(\.rawValue).joined(separator: ", ")
  }
}

/// How a command prints what it found.
package enum OutputFormat: String, CaseIterable, Sendable {
  /// For people.
  case table
  case json, yaml

  /// What to print.
  package func text(table: @autoclosure () -> String, _ json: @autoclosure () -> JSON) -> String {
    switch self {
    case .table: table()
    case .json: json().text + "\n"
    case .yaml: json().yaml
    }
  }
}

extension CommandOption {
  /// `-o FORMAT`. It is the same for every command that prints something for programs.
  package static func output(
    _ apply: @escaping @Sendable (inout Values, OutputFormat) -> Void
  ) -> CommandOption {
    CommandOption(
      "-o", "FORMAT", help: "print it as \(OptionValue.list(OutputFormat.self)) (default: table)",
      words: OutputFormat.allCases.map(\.rawValue)
    ) {
      (values, value) throws(UsageError) in apply(&values, try OptionValue.word(value, of: "-o"))
    }
  }

  /// `--tier TIER`
  package static func tier(
    _ help: String, _ apply: @escaping @Sendable (inout Values, Tier) -> Void
  ) -> CommandOption {
    let names = Tier.allCases.map(\.name)
    return CommandOption("--tier", "TIER", help: help, words: names) { (values, value) throws(UsageError) in
      guard let tier = Tier.allCases.first(where: { $0.name == value }) else {
        throw UsageError("--tier takes one of \(names.joined(separator: ", ")), not \"\(value)\"")
      }
      apply(&values, tier)
    }
  }

  /// `-o json`, for a command that prints records as they come.
  package static func recordOutput(
    _ help: String, _ apply: @escaping @Sendable (inout Values) -> Void
  ) -> CommandOption {
    CommandOption("-o", "json", help: help, words: ["json"]) { (values, value) throws(UsageError) in
      guard value == "json" else { throw UsageError("-o takes json, not \"\(value)\"") }
      apply(&values)
    }
  }
}
