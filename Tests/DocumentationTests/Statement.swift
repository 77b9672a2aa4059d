import Testing

/// A number that a document states.
struct Statement: Sendable, CustomTestStringConvertible {
  var document: String
  /// How the paragraph or the table's row begins; empty: any.
  var place: String
  var phrase: String

  init(_ document: String, _ place: String = "", _ phrase: String) {
    (self.document, self.place, self.phrase) = (document, place, phrase)
  }

  /// A row of the profile reference or of the configuration's table.
  static func key(_ document: String, _ key: String, _ phrase: String) -> Statement {
    Statement(document, "| `\(key)` |", phrase)
  }

  var testDescription: String { "\(document): \(place) \(phrase)" }

  /// What of a paragraph remains without the phrase; nil where it is not stated there.
  func removed(from block: String) -> String? {
    guard block.hasPrefix(place), let range = block.firstRange(of: phrase) else { return nil }
    // Not the beginning of a longer number.
    if let next = block[range.upperBound...].first, next.isNumber { return nil }
    return block.replacing(phrase, with: "")
  }
}
