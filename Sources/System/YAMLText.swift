extension JSON {
  /// The same value as a YAML 1.2 document. Members stand in lines of their own. Texts are quoted as in JSON, which is
  /// YAML as well.
  package var yaml: String {
    var output = ""
    switch self {
    case .object(let members) where !members.isEmpty: Self.write(members, at: 0, to: &output)
    case .array(let values) where !values.isEmpty: Self.write(values, at: 0, to: &output)
    default: output = text + "\n"
    }
    return output
  }

  private static func write(_ members: [(String, JSON)], at depth: Int, to output: inout String) {
    for (index, (name, value)) in members.enumerated() {
      if index > 0 { output += indent(depth) }
      output += "\(key(name)):"
      value.write(behindKeyAt: depth, to: &output)
    }
  }

  private static func write(_ values: [JSON], at depth: Int, to output: inout String) {
    for (index, value) in values.enumerated() {
      if index > 0 { output += indent(depth) }
      output += "- "
      switch value {
      case .object(let members) where !members.isEmpty: write(members, at: depth + 1, to: &output)
      case .array(let inner) where !inner.isEmpty: write(inner, at: depth + 1, to: &output)
      default: output += value.text + "\n"
      }
    }
  }

  private func write(behindKeyAt depth: Int, to output: inout String) {
    switch self {
    case .object(let members) where !members.isEmpty:
      output += "\n" + Self.indent(depth + 1)
      Self.write(members, at: depth + 1, to: &output)
    case .array(let values) where !values.isEmpty:
      output += "\n" + Self.indent(depth + 1)
      Self.write(values, at: depth + 1, to: &output)
    default: output += " \(text)\n"
    }
  }

  private static func indent(_ depth: Int) -> String { String(repeating: "  ", count: depth) }

  /// Names that YAML could take for something else are quoted.
  private static func key(_ name: String) -> String {
    let isPlain = name.utf8.allSatisfy {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0)
    }
    let words: Set<String> = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "True", "False", "Null"]
    return isPlain && !name.isEmpty && !words.contains(name) ? name : JSON.string(name).text
  }
}
