import BPF

/// Decides which damage is news, when the same damage is found again and again.
package struct DamageWatch: Sendable {
  /// The time between two looks.
  package static let lookMilliseconds = 2500

  /// What could not be mended yet.
  private var standing: [Damage.Place: Damage] = [:]

  package init() {}

  /// - Parameter found: the damage of this look. Damage that was told and has not changed is not told again.
  /// - Returns: the damage to tell. Damage that was found and has no problem any more is mended: now, or since the last
  ///   look.
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
