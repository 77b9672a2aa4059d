import System
import Testing

/// decisions.md: one function judges what is enforced.
@Suite struct JudgeTests {
  @Test(
    "no module but Policy reads what a profile lets pass", arguments: ["failurePolicy", "acceptPartial", "minimumTier"])
  func readers(field: String) throws {
    let sources = ImportTests.sources
    let readers = try Files.names(in: sources).filter { module in
      try ImportTests.swiftFiles(below: "\(sources)/\(module)").contains { try Files.text($0).contains(".\(field)") }
    }
    #expect(readers == ["Policy"])
  }
}
