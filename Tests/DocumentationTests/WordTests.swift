import Policy
import Testing

/// The words that keys take, and the tables about them.
@Suite struct WordTests {
  private static let reference = "docs/profile-reference.md"

  @Test(
    "a key's row lists the words that it takes, and no other",
    arguments: [
      (reference, "spec.mode", Mode.allCases.map(\.rawValue)),
      (reference, "spec.failurePolicy", FailurePolicy.allCases.map(\.rawValue)),
      (reference, "spec.minimumTier", Tier.allCases.map(\.name)),
      (reference, "spec.network.egress.rules[].ports[].protocol", PortRule.TransportProtocol.allCases.map(\.rawValue)),
      (reference, "spec.kernel.block", KernelSurface.allCases.map(\.rawValue)),
      ("docs/configuration.md", "logLevel", NodeConfiguration.LogLevel.allCases.map(\.rawValue)),
      ("docs/configuration.md", "seccompEvents", NodeConfiguration.SeccompEvents.allCases.map(\.rawValue)),
    ])
  func words(document: String, key: String, words: [String]) throws {
    let row = try #require(try Document(document).rows(headed: "key").first { $0[0] == "`\(key)`" })
    var listed = Document.code(in: row[3])
    // What a word does may name it again.
    listed = listed.enumerated().filter { !listed[..<$0.offset].contains($0.element) }.map(\.element)
    #expect(listed == words)
  }

  @Test("an action and an access are the words that rules take")
  func actions() throws {
    let reference = try Document(Self.reference)
    let action = try #require(reference.blocks.first { $0.hasPrefix("An *action* is ") })
    #expect(Document.code(in: action) == Action.allCases.map(\.name))
    let access = try #require(reference.rows(headed: "key").first { $0[0] == "`spec.file.rules[].access`" })
    #expect(Document.code(in: access[2]) == Access.allCases.map(\.rawValue))
  }

  @Test("the document on tiers lists each tier, the best first")
  func tiers() throws {
    let rows = try Document("docs/tiers.md").rows(headed: "tier")
    #expect(rows.flatMap { Document.code(in: $0[0]) } == Tier.allCases.reversed().map(\.name))
  }

  @Test("the document on tiers says of each word of kernel.block what it blocks")
  func surfaces() throws {
    let rows = try Document("docs/tiers.md").rows(headed: "word")
    #expect(rows.flatMap { Document.code(in: $0[0]) } == KernelSurface.allCases.map(\.rawValue))
    #expect(rows.allSatisfy { $0.count == 3 && !$0[1].isEmpty })
  }
}
