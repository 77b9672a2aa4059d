/// The text round a fault, for looking at what the author probably meant.
struct SyntaxText {
  typealias Line = ArraySlice<Unicode.Scalar>

  let lines: [Line]

  init(_ bytes: some Sequence<UInt8>) {
    let text = Array(String(decoding: Array(bytes), as: UTF8.self).unicodeScalars)
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      Line(line.last == "\r" ? line.dropLast() : line)
    }
  }

  /// Empty beyond the last line.
  func line(_ number: Int) -> [Unicode.Scalar] { lines.indices.contains(number) ? Array(lines[number]) : [] }

  func character(at mark: SyntaxFault.Mark) -> Unicode.Scalar? {
    let line = line(mark.line)
    return line.indices.contains(mark.column) ? line[mark.column] : nil
  }

  /// How many columns are before the first character that is no space or tab.
  func indentation(_ number: Int) -> Int { line(number).prefix { $0 == " " || $0 == "\t" }.count }

  func isBlank(_ number: Int) -> Bool {
    let line = line(number)
    let indentation = indentation(number)
    return indentation == line.count || line[indentation] == "#"
  }

  /// The nearest line above that is not blank.
  func lineAbove(_ number: Int) -> Int? { (0..<max(0, min(number, lines.count))).last { !isBlank($0) } }

  /// Whether nothing stands at or after the mark.
  func isEnd(_ mark: SyntaxFault.Mark) -> Bool {
    line(mark.line).dropFirst(mark.column).allSatisfy { $0 == " " }
      && (mark.line + 1..<max(lines.count, mark.line + 1)).allSatisfy(isBlank)
  }

  /// The plain value that begins at the mark. It goes up to a comment or, within brackets, up to what ends it there.
  func value(at mark: SyntaxFault.Mark, inBrackets: Bool) -> String {
    var value = String.UnicodeScalarView()
    for scalar in line(mark.line).dropFirst(mark.column) {
      if inBrackets, ",]}".unicodeScalars.contains(scalar) { break }
      if scalar == "#", value.last == " " || value.last == "\t" { break }
      value.append(scalar)
    }
    while let last = value.last, last == " " || last == "\t" { value.removeLast() }
    return String(value)
  }

  /// The value at the mark, in quotes. If it has quotes already, it gets no others.
  func word(at mark: SyntaxFault.Mark) -> String {
    let value = value(at: mark, inBrackets: true)
    guard value.first == "\"", let end = value.dropFirst().firstIndex(of: "\"") else { return quoted(value) }
    return quoted(String(value[value.index(after: value.startIndex)..<end]))
  }

  /// A line's text without indentation and the dashes of list elements.
  func entry(_ number: Int) -> String {
    var mark = SyntaxFault.Mark(line: number, column: indentation(number))
    while character(at: mark) == "-", character(at: .init(line: number, column: mark.column + 1)) == " " {
      mark.column += 2
    }
    return value(at: mark, inBrackets: false)
  }
}
