import CStockade
import Compilation
import Policy
import Testing

@Suite struct LimitTests {
  private static let documents = Set((Limits.all + Facts.all).map(\.document)).sorted()

  @Test("a limit in the documents is the code's", arguments: Limits.all)
  func limit(_ limit: Statement) throws {
    #expect(try Document(limit.document).blocks.contains { limit.removed(from: $0) != nil })
  }

  @Test("each number in a document is a limit of the code's, or listed as somebody else's", arguments: documents)
  func complete(_ document: String) throws {
    let statements = (Limits.all + Facts.all).filter { $0.document == document }
      .sorted { $0.phrase.count > $1.phrase.count }
    for block in try Document(document).blocks {
      // Chosen before any is taken out: the beginning of the paragraph tells which belong to it.
      let rest = statements.filter { $0.removed(from: block) != nil }
        .reduce(block) { $0.replacing($1.phrase, with: "") }
      #expect(Document.numbers(in: rest) == [], "\(block)")
    }
  }

  @Test("a fact in the list is still in its document", arguments: Facts.all)
  func fact(_ fact: Statement) throws { try limit(fact) }

  @Test(
    "the limits that profiles are read with are those of the kernel's maps",
    arguments: [
      (ProcessSection.pathMaxBytes, STOCKADE_PATH_MAX_BYTES), (PathSyntax.maxBytes, STOCKADE_RULE_PATH_MAX_BYTES),
      (PathRule.argumentsMaxBytes, STOCKADE_ARGUMENTS_MAX_BYTES),
      (PathRuleParser.argumentTextMaxBytes, STOCKADE_ARGUMENT_TEXT_MAX_BYTES),
      (PathRuleParser.argumentsMax, STOCKADE_ARGUMENT_RULES_MAX),
      (PathRuleParser.argumentIndexMax, STOCKADE_ARGUMENTS_MAX_BYTES - 1),
      (CompiledPolicy.entriesMax, STOCKADE_NET_ENTRIES_MAX), (CompiledPolicy.bindsMax, STOCKADE_BIND_RANGES_MAX),
      (NetworkRuleParser.portsMax, STOCKADE_NET_ENTRIES_MAX),
      (NodeConfiguration.NodeGate.parentsMax, STOCKADE_GATE_PARENTS_MAX),
      (NodeConfiguration.NodeGate.exemptMax, STOCKADE_GATE_EXEMPT_MAX),
      // With a NUL behind it, and one byte more.
      (NodeConfiguration.NodeGate.parentMaxBytes, STOCKADE_CGROUP_PATH_MAX_BYTES - 2),
    ])
  func mirrored(_ swift: Int, _ kernel: Int32) { #expect(swift == Int(kernel)) }
}
