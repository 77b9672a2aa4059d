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
package enum OutputFormat: Sendable {
  case text, json
}

extension CommandOption {
  /// `-o json`. It is the same for every command that prints something for programs.
  package static func output(
    _ help: String = "print JSON for programs", _ apply: @escaping @Sendable (inout Values, OutputFormat) -> Void
  ) -> CommandOption {
    CommandOption("-o", "json", help: help) { (values, value) throws(UsageError) in
      guard value == "json" else { throw UsageError("-o takes json, not \"\(value)\"") }
      apply(&values, .json)
    }
  }
}
