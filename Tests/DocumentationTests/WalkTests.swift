import System
import Testing

/// docs/walks.md against the files that it leads through.
@Suite struct WalkTests {
  private static let document = "docs/walks.md"
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
  private static let hopsMax = 9

  /// `(from 2) [FILE](../FILE) `name`, `other`: what happens.`
  struct Hop: Sendable, CustomTestStringConvertible {
    var walk: String
    var number: Int
    /// Of the hop that calls this one, or gives it a value; nil: of the first.
    var caller: Int?
    /// From the top of the project.
    var file: String
    /// What stands between the file and the colon: the first is declared there.
    var names: [String]
    /// All that is in backticks.
    var code: [String]

    var testDescription: String { "\(walk), \(number)" }
  }

  private static func walks() throws -> [(title: String, hops: [Hop])] {
    var walks: [(title: String, hops: [Hop])] = []
    for block in try Document(document).blocks {
      if block.hasPrefix("## ") { walks.append((String(block.dropFirst(3)), [])) }
      guard block.hasPrefix("[") || block.hasPrefix("(from "), let walk = walks.last else { continue }
      walks[walks.count - 1].hops.append(try hop(block, walk.hops.count + 1, of: walk.title))
    }
    return walks
  }

  private static func hop(_ text: String, _ number: Int, of walk: String) throws -> Hop {
    let from = text.hasPrefix("(from ") ? Int(text.dropFirst(6).prefix { $0 != ")" }) : number > 1 ? number - 1 : nil
    let head = try #require(text.split(separator: ": ").first.map(String.init), "\(text)")
    let target = try #require(head.split(separator: "](").last?.prefix { $0 != ")" })
    let title = try #require(head.split(separator: "[").last?.prefix { $0 != "]" })
    #expect(target == "../\(title)", "\(text)")
    return Hop(
      walk: walk, number: number, caller: from, file: String(title), names: Document.code(in: head),
      code: Document.code(in: text))
  }

  private static func text(_ hop: Hop) throws -> String { try Files.text("\(root)/\(hop.file)") }

  private static func words(of text: String) -> Set<Substring> {
    Set(text.split { !($0.isLetter || $0.isNumber || $0 == "_") })
  }

  /// Of Swift's declarations, and of C's definitions, which begin in the first column.
  private static func isDeclared(_ name: String, in text: String) -> Bool {
    text.split(separator: "\n").contains { line in
      let words = line.split { !($0.isLetter || $0.isNumber || $0 == "_") }
      let keywords: Set<Substring> = ["func", "struct", "class", "enum", "extension", "var"]
      if zip(words, words.dropFirst()).contains(where: { keywords.contains($0) && $1 == name }) { return true }
      let isDefinition = ["static ", "int BPF_PROG(", "__noinline "].contains { line.hasPrefix($0) }
      return isDefinition && (line.contains("\(name)(") || line.contains("(\(name),"))
    }
  }

  @Test("there are five walks, none longer than nine hops")
  func length() throws {
    let walks = try Self.walks()
    #expect(walks.count == 5)
    for walk in walks { #expect((2...Self.hopsMax).contains(walk.hops.count), "\(walk.title)") }
  }

  @Test(
    "what a hop names stands in its file, and the first name is declared there", arguments: try walks().flatMap(\.hops))
  func names(_ hop: Hop) throws {
    let text = try Self.text(hop)
    let words = Self.words(of: text)
    for name in hop.code { #expect(words.contains(name[...]), "\(hop.file) has no \(name)") }
    #expect(Self.isDeclared(try #require(hop.names.first), in: text), "\(hop.file) does not declare \(hop.names[0])")
  }

  @Test(
    "the file of a hop that leads to another names something of it, or its file",
    arguments: try walks().flatMap(\.hops))
  func order(_ hop: Hop) throws {
    guard let number = hop.caller else { return }
    let caller = try #require(try Self.walks().first { $0.title == hop.walk }?.hops.first { $0.number == number })
    #expect(number < hop.number)
    let text = try Self.text(caller)
    let isNamed = hop.names.contains { Self.words(of: text).contains($0[...]) }
    let isIncluded = text.contains(String(hop.file.split(separator: "/").last ?? ""))
    #expect(isNamed || isIncluded, "\(caller.file) names nothing of \(hop.file)")
  }
}
