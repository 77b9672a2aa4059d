import Policy

/// Something about a filter that is accepted: what was added to it, or is worth knowing.
package struct SeccompNote: Equatable, Sendable, CustomStringConvertible {
  /// nil: it concerns the whole filter.
  package var location: Location?
  package var text: String
  /// The filter is hardly meant so.
  package var isWarning = false

  init(_ location: Location?, _ text: String) {
    self.location = location
    self.text = text
  }

  package var description: String { location.map { "\($0): \(text)" } ?? text }
}
