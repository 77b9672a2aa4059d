import Policy

/// The command line of `stockade try`, parsed by hand: an argument parser would be most of the binary.
package enum ParsedOptions: Equatable {
  case run(Options)
  case help
}

extension Options {
  package static func parse(_ arguments: [String]) throws(TryError) -> ParsedOptions {
    var options = Options()
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--" {
        options.command = Array(rest)
        break
      }
      if argument == "--help" || argument == "-h" { return .help }
      let (name, attached) = splitValue(argument)
      guard let option = OptionTable.named(name) else { throw .usage(unknown(argument)) }
      let value = try value(for: option, attached: attached, rest: &rest)
      try option.apply(&options, value)
    }
    try options.check()
    return .run(options)
  }

  /// `--name=value` in two.
  private static func splitValue(_ argument: String) -> (name: String, value: String?) {
    guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
    return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
  }

  private static func value(
    for option: OptionTable.Option, attached: String?, rest: inout ArraySlice<String>
  ) throws(TryError) -> String {
    guard let placeholder = option.placeholder else {
      if attached != nil { throw .usage("\(option.name) takes no value") }
      return ""
    }
    if let attached { return attached }
    guard let next = rest.first, next != "--" else { throw .usage("\(option.name) needs a value: \(placeholder)") }
    rest.removeFirst()
    return next
  }

  private static func unknown(_ argument: String) -> String {
    guard argument.hasPrefix("-") else { return "unexpected \"\(argument)\"; the command comes after --" }
    let name = splitValue(argument).name
    let advice = Suggestion.advice(for: name, among: OptionTable.options.map(\.name), otherwise: "see --help")
    return "unknown option \"\(name)\"\(advice)"
  }

  private func check() throws(TryError) {
    if command.isEmpty { throw .usage("no command; give it after --") }
    if profile == nil, pluginConfiguration == nil { throw .usage("no profile; give one with --profile FILE") }
  }
}
