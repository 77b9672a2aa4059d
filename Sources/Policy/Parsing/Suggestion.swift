/// Finds the word that somebody meant by a misspelt one.
package enum Suggestion {
  /// Longer words are not compared: the work grows with the product of both lengths.
  private static let wordMaxBytes = 64

  /// The nearest of `words`, if it is near enough: a third of the letters may differ, but at least one and at most
  /// three.
  package static func nearest(to word: String, among words: some Sequence<String>) -> String? {
    let letters = lowercase(word)
    guard letters.count <= wordMaxBytes else { return nil }
    let limit = min(3, max(1, letters.count / 3))
    var best: (word: String, distance: Int)?
    for candidate in words where candidate.utf8.count <= wordMaxBytes {
      let distance = distance(letters, lowercase(candidate))
      if distance <= limit, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
  }

  /// `; did you mean "x"?`, or `; ` and the alternative.
  package static func advice(for word: String, among words: [String], otherwise alternative: String) -> String {
    nearest(to: word, among: words).map { "; did you mean \"\($0)\"?" } ?? "; \(alternative)"
  }

  private static func lowercase(_ word: String) -> [UInt8] { Array(word.lowercased().utf8) }

  /// Letters to insert, delete, replace, or swap with their neighbour (optimal string alignment).
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      for j in b.indices {
        var cost = min(previous[j + 1] + 1, row[j] + 1, previous[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, before[j - 1] + 1) }
        row.append(cost)
      }
      (before, previous) = (previous, row)
    }
    return previous[b.count]
  }
}
