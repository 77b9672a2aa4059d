import System
import Testing

/// ARCHITECTURE.md is read in one go.
@Suite struct ArchitectureTests {
  private static let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/ARCHITECTURE.md"
  /// Two pages of 60.
  private static let linesMax = 120

  @Test("the architecture fits two pages")
  func length() throws {
    let lines = try Files.text(Self.path).split(separator: "\n", omittingEmptySubsequences: false)
    // What stands behind the last line break is none.
    #expect(lines.count - 1 <= Self.linesMax)
  }
}
