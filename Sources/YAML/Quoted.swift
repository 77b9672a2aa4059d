/// Longest text that a message repeats, in bytes.
private let quotedMaxBytes = 100

/// `text` in quotes. It is cut, and control characters are escaped, so that a message stays one line.
package func quoted(_ text: String) -> String {
  var output = ""
  for scalar in text.unicodeScalars {
    if output.utf8.count >= quotedMaxBytes {
      output += "…"
      break
    }
    output += printable(scalar)
  }
  return "\"\(output)\""
}

/// `text` with control characters escaped: a name that somebody chose adds no line and moves no cursor.
package func printable(_ text: String) -> String { text.unicodeScalars.map(printable).joined() }

private func printable(_ scalar: UnicodeScalar) -> String {
  scalar.properties.generalCategory == .control ? scalar.escaped(asASCII: true) : String(scalar)
}
