import System
import Testing

/// decisions.md: one function judges what is enforced.
@Suite struct JudgeTests {
  @Test(
    "no module but Policy reads what a profile lets pass", arguments: ["failurePolicy", "acceptPartial", "minimumTier"])
  func readers(field: String) throws {
    let readers = try Files.names(in: ImportTests.sources).filter { module in
      try ImportTests.swiftFiles(below: "\(ImportTests.sources)/\(module)").contains {
        try Files.text($0).contains(".\(field)")
      }
    }
    #expect(readers == ["Policy"])
  }
}
