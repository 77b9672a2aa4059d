/// A manual page in the language of man(7). It is made of the same table as the help.
package struct ManualPage {
  /// `stockade-gate-close.1`
  package let file: String
  package let text: String

  /// The page of a command.
  package init(of program: String, _ command: CommandOutline, version: String) {
    let name = "\(program)-\(command.name.replacingSpaces)"
    file = "\(name).1"
    var text = Self.head(name, version) + ".SH NAME\n\(Self.plain(name)) \\- \(Self.plain(command.summary))\n"
    text += ".SH SYNOPSIS\n.B \(Self.plain(command.usage))\n"
    text += ".SH DESCRIPTION\n" + Self.paragraphs(command.description) + ".SH OPTIONS\n"
    for option in command.options {
      let value = option.placeholder.map { " \\fI\(Self.plain($0))\\fR" } ?? ""
      text += ".TP\n\\fB\(Self.plain(option.name))\\fR\(value)\n\(Self.plain(option.help))\n"
    }
    text += ".SH EXIT STATUS\n"
    for status in command.exitStatuses { text += ".TP\n\(Self.plain(status.status))\n\(Self.plain(status.meaning))\n" }
    text += ".SH EXAMPLES\n"
    for example in command.examples {
      text += ".TP\n\(Self.plain(example.meaning))\n\\fB\(Self.plain(example.command))\\fR\n"
    }
    self.text = text + ".SH SEE ALSO\n.BR \(Self.plain(program)) (1)\n"
  }

  /// The page of the program, which leads to those of its commands.
  package init(of program: String, summary: String, _ commands: [CommandOutline], version: String) {
    file = "\(program).1"
    var text = Self.head(program, version) + ".SH NAME\n\(Self.plain(program)) \\- \(Self.plain(summary))\n"
    text += ".SH SYNOPSIS\n.B \(Self.plain(program)) \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.SH COMMANDS\n"
    for command in commands {
      text +=
        ".TP\n.BR \(Self.plain("\(program)-\(command.name.replacingSpaces)")) (1)\n\(Self.plain(command.summary))\n"
    }
    self.text = text
  }

  private static func head(_ name: String, _ version: String) -> String {
    ".TH \(plain(name.uppercased())) 1 \"\" \"stockade \(version)\" \"Stockade\"\n"
  }

  private static func paragraphs(_ text: String) -> String {
    text.split(separator: "\n\n").map { $0.split(separator: "\n").map { plain(String($0)) + "\n" }.joined() }
      .joined(separator: ".PP\n")
  }

  /// Text that man(7) takes for nothing else.
  private static func plain(_ text: String) -> String {
    let escaped = text.map { character in
      switch character {
      case "\\": "\\e"
      case "-": "\\-"
      case "'": "\\(aq"
      case "`": "\\(ga"
      case "^": "\\(ha"
      case "~": "\\(ti"
      default: String(character)
      }
    }.joined()
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }
}

extension String {
  fileprivate var replacingSpaces: String { map { $0 == " " ? "-" : $0 }.reduce(into: "") { $0.append($1) } }
}
