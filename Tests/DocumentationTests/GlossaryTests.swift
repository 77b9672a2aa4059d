import System
import Testing

/// docs/glossary.md, and the documents that send their readers there.
@Suite struct GlossaryTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
  private static let glossary = "docs/glossary.md"

  /// The words of each table, without what stands in brackets; `a, b` are two.
  private static func words() throws -> [[String]] {
    var tables: [[String]] = []
    for line in try Files.text("\(root)/\(glossary)").split(separator: "\n") where line.hasPrefix("|") {
      let cell = String(line.split(separator: "|")[0].drop { $0 == " " }.prefix { $0 != "(" })
      if cell.hasPrefix("word") {
        tables.append([])
      } else if !cell.hasPrefix("---") {
        tables[tables.count - 1] += [cell]
      }
    }
    return tables.map { $0.map { String($0.reversed().drop { $0 == " " }.reversed()) } }
  }

  /// `*gate*`, without `**bold**`.
  private static func italics(in text: String) -> [String] {
    text.replacing("**", with: "").split(separator: "*", omittingEmptySubsequences: false).enumerated()
      .filter { $0.offset % 2 == 1 }.map { String($0.element) }
  }

  @Test("the words of each table are in the alphabet's order")
  func order() throws {
    let tables = try Self.words()
    #expect(tables.count == 2)
    for table in tables { #expect(table == table.sorted { $0.lowercased() < $1.lowercased() }) }
  }

  private static func entries() throws -> Set<String> {
    Set(try words().joined().flatMap { $0.split(separator: ", ").map(String.init) })
  }

  /// The word as a sentence has it, or without its plural's or verb's ending.
  private static func isDefined(_ word: String, in entries: Set<String>) -> Bool {
    let small = entries.contains(word) ? word : word.lowercased()
    return [small, small.hasSuffix("s") ? String(small.dropLast()) : small].contains(where: entries.contains)
  }

  @Test("each word in italics has an entry")
  func italics() throws {
    let entries = try Self.entries()
    for word in try Document(Self.glossary).blocks.dropFirst(2).flatMap(Self.italics) where word != "italics" {
      #expect(Self.isDefined(word, in: entries), "\(word)")
    }
  }

  @Test("each document that sends its readers to the glossary names words that are there")
  func references() throws {
    let entries = try Self.entries()
    let documents =
      try ["SECURITY.md"] + Files.names(in: "\(Self.root)/docs").filter { $0.hasSuffix(".md") }.map { "docs/\($0)" }
    var count = 0
    for document in documents {
      for block in try Document(document).blocks {
        guard let start = block.firstRange(of: "Words with a meaning of their own") else { continue }
        let sentence = String(block[start.lowerBound...].prefix { $0 != "." })
        for word in Self.italics(in: sentence) { #expect(Self.isDefined(word, in: entries), "\(document): \(word)") }
        count += 1
      }
    }
    #expect(count > 8)
  }
}
