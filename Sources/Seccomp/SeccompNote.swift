import Policy

/// A note about a filter that is accepted: what was added to it, or what is worth knowing.
package struct SeccompNote: Equatable, Sendable, CustomStringConvertible {
  /// nil: the note concerns the whole filter.
  package var location: Location?
  package var text: String
  /// Whether the filter's author hardly meant it so.
  package var isWarning = false

  init(_ location: Location?, _ text: String) {
    self.location = location
    self.text = text
  }

  static func warning(_ location: Location, _ text: String) -> SeccompNote {
    var note = SeccompNote(location, text)
    note.isWarning = true
    return note
  }

  package var description: String { location.map { "\($0): \(text)" } ?? text }
}
