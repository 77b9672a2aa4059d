import System
import Testing

/// NOTICE against what Package.swift links statically.
@Suite struct NoticeTests {
  private static let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()

  /// What stands between two marks, each time that both do.
  private static func texts(between start: String, and end: Character, in text: String) -> [String] {
    text.split(separator: start).dropFirst().compactMap { rest in
      rest.firstIndex(of: end).map { String(rest[..<$0]) }
    }
  }

  /// A pattern has at most one `*`.
  private static func matches(_ name: String, _ pattern: String) -> Bool {
    let parts = pattern.split(separator: "*", omittingEmptySubsequences: false)
    return parts.count == 1 ? name == pattern : name.hasPrefix(parts[0]) && name.hasSuffix(parts[1])
  }

  @Test("NOTICE has each static library of Package.swift, once, and of C libraries no other")
  func archives() throws {
    let package = try Files.text("\(Self.root)/Package.swift")
    let single = Self.texts(between: "archive(\"", and: "\"", in: package)
    let list = try #require(Self.texts(between: "let grpcArchives = \"\"\"", and: "\"", in: package).first)
    let linked = Set(single + list.split(whereSeparator: \.isWhitespace).map(String.init))
    #expect(linked.count > 50)
    let named = try Self.texts(between: "`lib", and: "`", in: Files.text("\(Self.root)/NOTICE"))
    for library in linked {
      #expect(named.filter { Self.matches("\(library).a", $0) }.count == 1, "\(library)")
    }
    // What comes with the toolchain is not in Package.swift.
    for name in named where !["swift*.a", "dispatch.a", "BlocksRuntime.a"].contains(name) {
      #expect(linked.contains { Self.matches("\($0).a", name) }, "\(name)")
    }
  }

  @Test("each licence that NOTICE names has its text, or the place of its text")
  func licences() throws {
    let notice = try Files.text("\(Self.root)/NOTICE")
    let named = Set(Self.texts(between: "Licence: ", and: " ", in: notice))
    let texts = try #require(notice.split(separator: "Texts of the licences").last)
    for licence in named {
      let name = licence.hasSuffix(".") ? String(licence.dropLast()) : licence
      let known = ["-or-later", "-only"].reduce(name) { $1 == $0.suffix($1.count) ? String($0.dropLast($1.count)) : $0 }
      #expect(texts.contains(known), "\(name)")
    }
  }
}
