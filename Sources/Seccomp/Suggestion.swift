/// Finds what a mistyped word was meant to be.
enum Suggestion {
  /// A longer word gets no suggestion: the distance costs the product of both lengths.
  static let wordMaxBytes = 64

  /// `did you mean "openat"?`, or else `otherwise`.
  static func hint(for word: String, among candidates: some Sequence<String>, otherwise: String) -> String {
    nearest(to: word, among: candidates).map { "did you mean \"\($0)\"?" } ?? otherwise
  }

  /// The candidate that is fewest edits away, if that is at most a third of the word. Of equals the first by name.
  static func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    let bytes = Array(word.lowercased().utf8)
    guard bytes.count <= wordMaxBytes else { return nil }
    let editsMax = max(1, bytes.count / 3)
    return
      candidates
      .map { (edits: distance(bytes, Array($0.lowercased().utf8)), name: $0) }
      .filter { $0.edits <= editsMax }
      .min { $0 < $1 }?
      .name
  }

  /// Edits between two words; swapped neighbours are one edit (optimal string alignment).
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var edits = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
        row.append(edits)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
