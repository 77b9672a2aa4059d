import System
import Testing

/// Links between the documents.
@Suite struct LinkTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

  private static func documents() throws -> [String] {
    let folders = try ["", "docs/"].map { ($0, try Files.names(in: "\(root)/\($0)")) }
    return folders.flatMap { folder, names in names.filter { $0.hasSuffix(".md") }.map { folder + $0 } }
  }

  @Test("each link to a document leads to a file and a heading that are there")
  func links() throws {
    var count = 0
    for document in try Self.documents() {
      let folder = document.split(separator: "/").dropLast().map { "\($0)/" }.joined()
      for target in try Self.targets(in: Files.text("\(Self.root)/\(document)")) where !target.contains("://") {
        let parts = target.split(separator: "#", omittingEmptySubsequences: false).map(String.init)
        let file = "\(Self.root)/\(parts[0].isEmpty ? document : folder + parts[0])"
        #expect(Files.exists(file), "\(document): \(target)")
        guard parts.count > 1, Files.exists(file) else { continue }
        #expect(try Self.anchors(in: Files.text(file)).contains(parts[1]), "\(document): \(target)")
        count += 1
      }
    }
    #expect(count > 5)
  }

  /// What stands in `](…)`.
  private static func targets(in text: String) -> [String] {
    text.split(separator: "](", omittingEmptySubsequences: false).dropFirst().compactMap { rest in
      rest.firstIndex(of: ")").map { String(rest[..<$0]) }
    }
  }

  /// Headings as links spell them: lower case, letters and digits, `-` for a space.
  private static func anchors(in text: String) -> [String] {
    text.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
      let heading = line.drop { $0 == "#" }.dropFirst().lowercased()
      return String(heading.compactMap { $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" ? $0 : nil })
    }
  }
}
