import System

/// What is wrong with a text that libyaml cannot read, and what to do, in words for the author of the text.
struct SyntaxAdvice {
  /// From 1.
  private(set) var line: Int
  private(set) var message: String

  private let fault: SyntaxFault
  private let text: SyntaxText

  init(_ fault: SyntaxFault, in bytes: some Sequence<UInt8>) {
    self.fault = fault
    text = SyntaxText(bytes)
    line = fault.mark.line + 1
    message = ""
    message = ofTabs ?? ofCharacters ?? ofColons() ?? ofIndentation ?? ofBrackets() ?? ofQuotes() ?? unknown
  }

  private var character: Unicode.Scalar? { text.character(at: fault.mark) }
  private var isInBrackets: Bool {
    fault.context.contains("flow") || text.line(fault.mark.line).contains { $0 == "{" || $0 == "[" }
  }

  /// libyaml's own words, behind ours. At least they name the place.
  private var unknown: String {
    let context = fault.context.isEmpty ? "" : "\(fault.context): "
    return "this is no valid YAML; look for a wrong indentation, colon, bracket or quote here and just above "
      + "(\(context)\(fault.problem))"
  }

  private func begins(with character: String, _ value: String) -> String {
    "a value that begins with \(character); \(inQuotes(value))"
  }

  /// In double quotes a backslash would begin an escape.
  private func inQuotes(_ value: String) -> String {
    let isPlain = !value.contains { $0 == "\"" || $0 == "\\" }
    if !isPlain, value.contains("'") { return "put it in quotes" }
    let quote = isPlain ? "\"" : "'"
    return "put it in quotes: \(quote)\(shortened(value))\(quote)"
  }

  private func shortened(_ value: String) -> String { String(quoted(value).dropFirst().dropLast()) }
}

extension SyntaxAdvice {
  private var ofTabs: String? {
    let isTab =
      fault.problem.hasPrefix("found a tab character")
      || fault.problem == "found character that cannot start any token" && character == "\t"
    return isTab ? "a tab where YAML takes spaces only; indent with spaces" : nil
  }

  /// Characters that have a meaning of their own at the beginning of a value.
  private var ofCharacters: String? {
    switch (fault.context, fault.problem) {
    case (_, "found character that cannot start any token"):
      return begins(with: character.map { String($0) } ?? "", text.value(at: fault.mark, inBrackets: isInBrackets))
    case ("while scanning an alias", _), ("while scanning an anchor", _), ("while scanning a tag", _),
      ("while parsing a tag", _), ("while scanning a block scalar", _), ("while scanning a directive", _):
      let first = text.character(at: fault.begin).map { String($0) } ?? ""
      return begins(with: first, text.value(at: fault.begin, inBrackets: isInBrackets))
    case (_, "mapping keys are not allowed in this context"):
      return begins(with: "?", text.value(at: fault.mark, inBrackets: isInBrackets))
    case (_, "block sequence entries are not allowed in this context"):
      return "a list element (-) behind a key or value; begin a new line for it"
    case (_, "control characters are not allowed"): return "a control character; remove it"
    default: return nil
    }
  }
}

extension SyntaxAdvice {
  private mutating func ofColons() -> String? {
    switch fault.problem {
    case "mapping values are not allowed in this context": return secondColon ?? continuedLine()
    case "could not find expected ':'":
      line = fault.begin.line + 1
      return missingColon(fault.begin.line)
    case "found unexpected ':'":
      let value = text.value(at: fault.begin, inBrackets: true)
      if let key = keyBeforeBracket(value) { return key }
      return "a value that ends in a colon; \(inQuotes(value))"
    case "did not find expected node content" where character == ":":
      return begins(with: "a colon", text.value(at: fault.mark, inBrackets: true))
    case "did not find expected node content" where text.isEnd(fault.mark):
      line = (text.lineAbove(fault.mark.line + 1) ?? 0) + 1
      return "the text ends within brackets; add what closes them"
    case "did not find expected node content":
      return
        "a value is missing before \(character.map { "\($0)" } ?? "the line's end"); add it, or remove what separates it"
    default: return nil
    }
  }

  /// `a:[b]`
  private func keyBeforeBracket(_ value: String) -> String? {
    guard let colon = value.firstIndex(of: ":"), let bracket = value[colon...].dropFirst().first else { return nil }
    guard bracket == "[" || bracket == "{" else { return nil }
    return "no space after the colon; write \(shortened(String(value[...colon]))) \(bracket)"
  }

  /// `a: b: c`, and `a: fd00::`
  private var secondColon: String? {
    let line = text.line(fault.mark.line)
    let first = line.indices.first { line[$0] == ":" && $0 + 1 < line.count && line[$0 + 1] == " " }
    guard let first, first < fault.mark.column else { return nil }
    let start = line[(first + 1)...].firstIndex { $0 != " " } ?? first + 1
    let value = text.value(at: .init(line: fault.mark.line, column: start), inBrackets: false)
    if let quote = value.first, quote == "\"" || quote == "'" {
      return "text follows the quote that closes the value; remove it, or put all of it in one pair of quotes"
    }
    return "the value has a colon that would begin a mapping in it; \(inQuotes(value))"
  }

  /// The line goes on with a value of the line above.
  private mutating func continuedLine() -> String? {
    guard let above = text.lineAbove(fault.mark.line) else { return nil }
    if isWithoutSpace(text.entry(above)) || !text.entry(above).contains(":") {
      line = above + 1
      return missingColon(above)
    }
    return
      "indented deeper than line \(above + 1), which has its value already; align it with the line it belongs beside"
  }

  private func missingColon(_ number: Int) -> String {
    let entry = text.entry(number)
    guard isWithoutSpace(entry), let colon = entry.firstIndex(of: ":") else {
      return "\(quoted(entry)) is no \"key: value\"; add the colon and a space, or remove it"
    }
    let value = entry[entry.index(after: colon)...]
    return "no space after the colon; write \(shortened(entry[..<colon] + ": " + value))"
  }

  /// `mode:Audit`
  private func isWithoutSpace(_ entry: String) -> Bool {
    guard let colon = entry.firstIndex(of: ":"), colon != entry.startIndex else { return false }
    let next = entry.index(after: colon)
    return next != entry.endIndex && entry[next] != " "
      && entry[..<colon].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }
}

extension SyntaxAdvice {
  private var isAtLineStart: Bool { text.indentation(fault.mark.line) == fault.mark.column }

  private var ofIndentation: String? {
    switch fault.problem {
    case "did not find expected '-' indicator":
      return "this stands among the elements of the list that begins at line \(fault.begin.line + 1) and has no -; "
        + "begin it with \"- \", or indent it as the key it belongs beside"
    case "did not find expected key" where isAtLineStart && character == "-":
      return "a list element (-) beside keys; put it below the key whose list it is of, aligned with that list's others"
    case "did not find expected key" where isAtLineStart:
      return "indented by \(fault.mark.column), which fits no line above; align it with the line it belongs beside"
    case "did not find expected <document start>" where isAtLineStart && !isFlow:
      return "this is not indented as the first line is; align it with that one"
    case "did not find expected key", "did not find expected <document start>": return afterTheEnd
    default: return nil
    }
  }

  /// Whether the whole text is one text in brackets, as JSON is.
  private var isFlow: Bool {
    let first = text.lines.indices.first { !text.isBlank($0) }.map { text.entry($0) }
    return first?.hasPrefix("{") == true || first?.hasPrefix("[") == true
  }

  private var afterTheEnd: String {
    if let character, "]}".unicodeScalars.contains(character) {
      return "a \(character) that closes nothing; remove it, or add what opens it"
    }
    let rest = quoted(text.value(at: fault.mark, inBrackets: false))
    return "\(rest) after the end of a value; put the whole value in quotes, or close the quote that began before"
  }
}

extension SyntaxAdvice {
  private mutating func ofBrackets() -> String? {
    guard fault.problem.hasPrefix("did not find expected ',' or") else { return nil }
    let (open, close): (Unicode.Scalar, Unicode.Scalar) =
      fault.problem.hasSuffix("'}'") ? ("{", "}") : ("[", "]")
    if let character, "]}".unicodeScalars.contains(character), character != close {
      return "the \(open) of line \(fault.begin.line + 1) is closed by \(character); write \(close) before it"
    }
    if text.isEnd(fault.mark) || isKeyOfBlock {
      line = fault.begin.line + 1
      return "the \(open) is never closed; add \(close)"
    }
    let place = fault.begin.line == fault.mark.line ? "" : " of line \(fault.begin.line + 1)"
    return
      "a comma, colon or quote is missing before \(text.word(at: fault.mark)), or the \(close) of the \(open)\(place)"
  }

  /// What follows is a key, and it is indented no deeper than the line with the bracket. So the closing bracket was
  /// forgotten there.
  private var isKeyOfBlock: Bool {
    fault.mark.line > fault.begin.line && character == ":"
      && text.indentation(fault.mark.line) <= text.indentation(fault.begin.line)
  }

  private mutating func ofQuotes() -> String? {
    guard fault.context.hasSuffix("a quoted scalar") else { return nil }
    let line = text.line(fault.mark.line)
    switch fault.problem {
    case "found unknown escape character":
      let escape = String(String.UnicodeScalarView(line.dropFirst(fault.mark.column).prefix(2)))
      return "the escape \(escape) has no meaning in double quotes; write \\\(escape), or use single quotes"
    case "found invalid Unicode character escape code":
      // The mark stands behind `\u` or `\U`.
      let start = line.dropFirst(max(0, fault.mark.column - 2))
      let escape = String(String.UnicodeScalarView(start.prefix(start.dropFirst().first == "U" ? 10 : 6)))
      return "the escape \(escape) is no character, or only half of one; write the character itself"
    case "did not find expected hexdecimal number":
      return "an escape with too few hexadecimal digits; write all of them"
    default:
      self.line = fault.begin.line + 1
      let quote = text.character(at: fault.begin).map { "\($0)" } ?? "quote"
      return "the \(quote) is never closed; add the other one at the end of the text"
    }
  }
}
