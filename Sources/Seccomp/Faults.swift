import Policy

/// Collects what is wrong with a filter, so that one look at it reports everything; and what is left out of it.
final class Faults {
  /// The largest number of errors. More are hardly read, and for each of them the word that was meant is looked for.
  static let errorsMax = 100

  private var errors: [SeccompError] = []
  private(set) var notes: [SeccompNote] = []

  var count: Int { errors.count }
  private var isFull: Bool { errors.count >= Self.errorsMax }

  func add(_ error: SeccompError) {
    if !isFull { errors.append(error) }
  }

  func note(_ location: Location, _ text: String) { notes.append(SeccompNote(location, text)) }

  /// What `body` returns; nil: it throws, and the error is kept.
  @discardableResult
  func value<Value>(_ body: () throws(SeccompError) -> Value) -> Value? {
    guard !isFull else { return nil }
    do { return try body() } catch {
      add(error)
      return nil
    }
  }

  /// Throws everything that was collected, if anything was.
  func check() throws(SeccompError) {
    guard let first = errors.first else { return }
    throw errors.count == 1 ? first : .several(errors)
  }
}
