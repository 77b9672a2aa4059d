import Glibc
import System
import Testing

/// decisions.md: one function judges what is enforced.
@Suite struct JudgeTests {
  @Test(
    "no module but Policy reads what a profile lets pass", arguments: ["failurePolicy", "acceptPartial", "minimumTier"])
  func readers(field: String) throws {
    let sources = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Sources"
    let readers = try Files.names(in: sources).filter { try Self.isRead(field, below: "\(sources)/\($0)") }
    #expect(readers == ["Policy"])
  }

  private static func isRead(_ field: String, below folder: String) throws -> Bool {
    try Files.names(in: folder).map { "\(folder)/\($0)" }.contains { path in
      let isFolder = try Files.status(path).st_mode & S_IFMT == S_IFDIR
      if isFolder { return try isRead(field, below: path) }
      return try path.hasSuffix(".swift") && Files.text(path).contains(".\(field)")
    }
  }
}
