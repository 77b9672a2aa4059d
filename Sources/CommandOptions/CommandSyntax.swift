import Policy
import System

/// One command of the program: its options and operands. Its help and the reading of its command line both come from
/// this.
package struct CommandSyntax<Values: Sendable>: Sendable {
  /// The words behind the program's name: `profile check`.
  package var name: String
  /// One line, without a full stop, for the list of all commands.
  package var summary: String
  package var description: String
  package var options: [CommandOption<Values>] = []
  /// Options that only the project's own tests need. They are read like the others, but the help does not show them.
  package var testOptions: [CommandOption<Values>] = []
  /// nil: the command takes no operands.
  package var operands: Operands<Values>?
  /// A whole command line, and what it does.
  package var examples: [(command: String, meaning: String)]
  package var exitStatuses: [(status: String, meaning: String)]
  /// The exit status for a command line that cannot be understood.
  package var usageStatus: Int32 = 2

  package init(
    name: String, summary: String, description: String, options: [CommandOption<Values>] = [],
    testOptions: [CommandOption<Values>] = [], operands: Operands<Values>? = nil,
    examples: [(command: String, meaning: String)],
    exitStatuses: [(status: String, meaning: String)], usageStatus: Int32 = 2
  ) {
    self.name = name
    self.summary = summary
    self.description = description
    self.options = options
    self.testOptions = testOptions
    self.operands = operands
    self.examples = examples
    self.exitStatuses = exitStatuses
    self.usageStatus = usageStatus
  }

  /// Reads the command line and runs `body` with it. Prints the help if it is asked for, or what is wrong.
  ///
  /// - Parameters:
  ///   - arguments: the arguments behind the command's name.
  ///   - values: the defaults.
  /// - Returns: the exit status.
  package func main(_ arguments: [String], _ values: Values, _ body: (Values) -> Int32) -> Int32 {
    do {
      guard let values = try parse(arguments, into: values) else {
        put(help, to: 1)
        return 0
      }
      return body(values)
    } catch {
      return refuse("\(error)")
    }
  }

  /// Prints what is wrong with a command line, and returns the exit status for it.
  package func refuse(_ problem: String) -> Int32 {
    put("stockade \(name): \(problem); see stockade \(name) --help\n", to: 2)
    return usageStatus
  }

  /// - Returns: nil: the help is asked for.
  package func parse(_ arguments: [String], into values: Values) throws(UsageError) -> Values? {
    var values = values
    var operands: [String] = []
    var seen: Set<String> = []
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        operands += rest
        break
      }
      if argument == "--help" || argument == "-h" { return nil }
      guard argument.hasPrefix("-"), argument != "-" else {
        try refuseOperand(argument)
        operands.append(argument)
        continue
      }
      try readOption(argument, &rest, &seen, &values)
    }
    try take(operands, &values)
    return values
  }

  private func readOption(
    _ argument: String, _ rest: inout ArraySlice<String>, _ seen: inout Set<String>, _ values: inout Values
  ) throws(UsageError) {
    let (name, attached) = Self.splitValue(argument)
    guard let option = (options + testOptions).first(where: { $0.name == name }) else {
      throw UsageError(unknown(name))
    }
    guard seen.insert(name).inserted || option.isRepeatable else { throw UsageError("\(name) is given twice") }
    try option.apply(&values, try value(of: option, attached, &rest))
  }

  /// Splits `--name=value` in two.
  private static func splitValue(_ argument: String) -> (name: String, value: String?) {
    guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
    return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
  }

  private func value(
    of option: CommandOption<Values>, _ attached: String?, _ rest: inout ArraySlice<String>
  ) throws(UsageError) -> String {
    guard let placeholder = option.placeholder else {
      if attached != nil { throw UsageError("\(option.name) takes no value") }
      return ""
    }
    let next = attached ?? rest.first ?? ""
    // If the next word is an option of this command, the value was forgotten.
    let isForgotten = attached == nil && (next == "--" || (options + testOptions).contains { $0.name == next })
    guard !next.isEmpty, !isForgotten else { throw UsageError("\(option.name) needs a value: \(placeholder)") }
    if attached == nil { rest.removeFirst() }
    return next
  }

  private func unknown(_ name: String) -> String {
    // Names of one letter get no suggestion: any two letters are near each other.
    let names = name.hasPrefix("--") ? options.map(\.name) : []
    let advice = Suggestion.nearest(to: name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    return "unknown option \"\(name)\"\(advice)"
  }

  private func refuseOperand(_ argument: String) throws(UsageError) {
    guard let operands else { throw UsageError("unexpected \"\(argument)\"") }
    if operands.areAfterDashes { throw UsageError("unexpected \"\(argument)\"; the command comes after --") }
  }

  private func take(_ found: [String], _ values: inout Values) throws(UsageError) {
    if let operands { return try operands.apply(&values, found) }
    if let first = found.first { throw UsageError("unexpected \"\(first)\"") }
  }
}
