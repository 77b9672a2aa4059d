import Policy
import System
import Testing

@testable import Recording

/// docs/recording.md says what the code does.
@Suite struct DocumentTests {
  private let text: String

  init() throws {
    let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
    // Where a line breaks says nothing.
    text = try Files.text("\(root)/docs/recording.md")
  }

  @Test(
    "each limit is the code's",
    arguments: [
      "more than \(Siblings.max) files of", "more than \(Siblings.max) folders of",
      "more than \(Peers.max) addresses gets", "Of more than \(Siblings.max) ports from \(PortGroup.firstDynamic) on",
      "at most \(PathRuleParser.argumentsMax) different first arguments", "more than \(NamedPath.namesMax) folders",
      "at most \(RecordingFile.bytesMax >> 20) MiB", "at most \(RecordingFile.factsMax) facts",
      "the \(PathRuleParser.rulesMax + 1)th program", "the loss `\(RecordingFile.lostFacts)`",
    ])
  func limit(_ phrase: String) { #expect(text.replacing("\n", with: " ").contains(phrase)) }

  @Test("the recording in the document can be read, and each part is in the document's table")
  func example() throws {
    let block = try #require(text.split(separator: "```json\n").last?.split(separator: "```").first)
    let recording = try RecordingFile.parse(Array(block.utf8), file: "recording.md")
    #expect(recording.execs.count == 2)
    for part in Recording.Part.allCases { #expect(text.contains("`\(part.rawValue)`")) }
  }
}
