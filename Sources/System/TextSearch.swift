// Searching a text for another one. The standard library's own functions bring its regular expressions along, which
// make the program 1.2 MB larger. These have the same names, and Package.swift keeps the others out. Texts are compared
// byte by byte.

extension StringProtocol {
  package func firstRange(of text: some StringProtocol) -> Range<Index>? {
    let (own, wanted) = (utf8, text.utf8)
    var start = own.startIndex
    while true {
      var (place, other) = (start, wanted.startIndex)
      while other != wanted.endIndex, place != own.endIndex, own[place] == wanted[other] {
        own.formIndex(after: &place)
        wanted.formIndex(after: &other)
      }
      if other == wanted.endIndex { return start..<place }
      if place == own.endIndex { return nil }
      own.formIndex(after: &start)
    }
  }

  package func contains(_ text: some StringProtocol) -> Bool { firstRange(of: text) != nil }

  /// The parts between the places where `separator` stands. Empty parts are left out, as the standard library does
  /// with a separator of one character.
  package func split(separator: some StringProtocol) -> [SubSequence] {
    var parts: [SubSequence] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator), !range.isEmpty {
      if rest.startIndex < range.lowerBound { parts.append(rest[..<range.lowerBound]) }
      rest = rest[range.upperBound...]
    }
    return rest.isEmpty ? parts : parts + [rest]
  }

  package func replacing(_ text: some StringProtocol, with replacement: some StringProtocol) -> String {
    var output = ""
    var rest = self[...]
    while let range = rest.firstRange(of: text), !range.isEmpty {
      output += rest[..<range.lowerBound]
      output += replacement
      rest = rest[range.upperBound...]
    }
    return output + rest
  }
}
