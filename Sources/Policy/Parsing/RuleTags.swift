import YAML

/// Words that events about a rule repeat, such as the numbers of techniques in ATT&CK.
package enum RuleTags {
  /// The limits for one rule, and for one tag.
  package static let maximum = 8
  package static let maxBytes = 64

  static func isTag(_ text: String) -> Bool { text.utf8.count <= maxBytes && text.utf8.allSatisfy(isOfTag) }

  private static func isOfTag(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: "._-:/".utf8.contains(byte)
    }
  }

  /// A tag that is like the text: `_` stands for what no tag has, and the end is cut off.
  package static func written(_ text: String) -> String {
    String(decoding: text.utf8.prefix(maxBytes).map { isOfTag($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
  }
}

extension Fields {
  /// The rule's `tags`.
  func tags() -> [String] {
    guard let texts = texts("tags", limit: RuleTags.maximum) else { return [] }
    for (index, entry) in texts.enumerated() where !RuleTags.isTag(entry.text) {
      problems.add(
        entry.line,
        "\(path("tags"))[\(index)] \(quoted(entry.text)) is no tag; write at most \(RuleTags.maxBytes) letters, digits "
          + "and . _ - : /")
    }
    return texts.map(\.text)
  }
}
