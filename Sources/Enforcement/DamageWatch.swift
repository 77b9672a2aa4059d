import BPF

/// Which of the damage that is found again and again is news.
package struct DamageWatch: Sendable {
  /// Between two looks.
  package static let lookMilliseconds = 2500

  /// What could not be mended yet.
  private var standing: [Damage.Place: Damage] = [:]

  package init() {}

  /// - Parameter found: at this look; what was told and stands as it did is not told again.
  /// - Returns: what was found and has no problem any more is mended: now, or since the last look.
  package mutating func news(_ found: [Damage]) -> [Damage] {
    let places = Set(found.map(\.place))
    var news = found.filter { standing[$0.place] != $0 }
    for (place, damage) in standing where !places.contains(place) {
      var mended = damage
      mended.problem = nil
      news.append(mended)
      standing[place] = nil
    }
    for damage in found { standing[damage.place] = damage.problem == nil ? nil : damage }
    return news
  }
}
