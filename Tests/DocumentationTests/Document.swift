import System

/// What users read, as paragraphs and rows of tables. Examples in fences and in indented lines are left out.
struct Document {
  /// A paragraph, an item of a list, or a row of a table, with one space between words. An empty line is an empty one,
  /// since it ends a table.
  let blocks: [String]

  /// - Parameter name: from the top of the project: `docs/events.md`.
  init(_ name: String) throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    var blocks: [[Substring]] = [[]]
    var isFenced = false
    for line in try Files.text("\(root)/\(name)").split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") { isFenced.toggle() }
      let isExample = isFenced || line.hasPrefix("```") || line.hasPrefix("    ")
      if line.isEmpty || isExample || Self.beginsBlock(line) { blocks.append([]) }
      if !isExample { blocks[blocks.count - 1] += line.split(separator: " ") }
    }
    self.blocks = blocks.map { Self.withoutNumber($0).joined(separator: " ") }
  }

  private static func beginsBlock(_ line: Substring) -> Bool {
    line.hasPrefix("|") || line.hasPrefix("- ") || isItemNumber(line.split(separator: " ").first ?? "")
  }

  private static func isItemNumber(_ word: Substring) -> Bool { word.last == "." && Int(word.dropLast()) != nil }

  private static func withoutNumber(_ words: [Substring]) -> ArraySlice<Substring> {
    words.dropFirst(words.first.map(isItemNumber) == true ? 1 : 0)
  }

  /// The cells of the table whose first column has this heading.
  func rows(headed heading: String) -> [[String]] {
    let start = blocks.firstIndex { $0.hasPrefix("| \(heading) |") }
    guard let start else { return [] }
    return blocks[(start + 2)...].prefix { $0.hasPrefix("|") }.map(Self.cells)
  }

  private static func cells(_ row: String) -> [String] {
    row.split(separator: "|").map { $0.split(separator: " ").joined(separator: " ") }
  }

  /// What stands in backticks.
  static func code(in text: String) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  /// The numbers that a text states, those within words, addresses, versions and code left out.
  static func numbers(in text: String) -> [String] {
    let prose = text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .map { $0.offset % 2 == 0 ? String($0.element) : "code" }.joined()
    return prose.split(separator: " ").map { $0.filter { !"().,;:|*\"".contains($0) || $0 == "." } }
      .map { $0.hasSuffix(".") ? String($0.dropLast()) : $0 }.filter { Int($0) != nil }
  }
}
