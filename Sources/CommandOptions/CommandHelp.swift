extension CommandSyntax {
  /// What `--help` prints.
  package var help: String {
    let rows = options.map { ($0.usage, helpText($0)) } + [("-h, --help", "print this")]
    let samples = examples.map { "  # \($0.meaning)\n  \($0.command)\n" }
    return [
      "usage: \(usage)\n", "\(description)\n", "Options:\n" + columns(rows),
      "Examples:\n" + samples.joined(separator: "\n"),
      "Exit status:\n" + columns(exitStatuses.map { ($0.status, $0.meaning) }),
    ].joined(separator: "\n")
  }

  var usage: String {
    ["stockade \(name)", options.isEmpty ? nil : "[OPTION...]", operands?.usage].compactMap(\.self)
      .joined(separator: " ")
  }

  func helpText(_ option: CommandOption<Values>) -> String {
    option.help + (option.isRepeatable ? "; repeatable" : "")
  }
}

/// Rows of two columns, indented; the first column is as wide as its longest text.
package func columns(_ rows: [(String, String)]) -> String {
  let width = rows.map(\.0.count).max() ?? 0
  return rows.map { "  \($0.0)\(String(repeating: " ", count: width - $0.0.count + 2))\($0.1)\n" }.joined()
}
