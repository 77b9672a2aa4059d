/// The name of an image in a binding, in which `*` stands for any text, `/` and `:` included.
enum ImagePattern {
  private static let star = UInt8(ascii: "*")

  /// Whether some image can have a name that matches.
  static func isPossible(_ pattern: String) -> Bool {
    ImageName(String(decoding: pattern.utf8.map { $0 == star ? UInt8(ascii: "a") : $0 }, as: UTF8.self)) != nil
  }

  static func matches(_ pattern: String, _ text: String) -> Bool {
    let (pattern, text) = (pattern.utf8, text.utf8)
    var (place, position) = (pattern.startIndex, text.startIndex)
    // Behind the last star, and how far that star reaches.
    var retry: (place: String.UTF8View.Index, position: String.UTF8View.Index)?
    while position < text.endIndex {
      if place < pattern.endIndex, pattern[place] == star {
        place = pattern.index(after: place)
        retry = (place, position)
      } else if place < pattern.endIndex, pattern[place] == text[position] {
        (place, position) = (pattern.index(after: place), text.index(after: position))
      } else if let last = retry {
        (place, position) = (last.place, text.index(after: last.position))
        retry = (place, position)
      } else {
        return false
      }
    }
    return pattern[place...].allSatisfy { $0 == star }
  }
}
