import Policy

/// Collects what is wrong with a filter, so that one look at it tells all.
final class Faults {
  /// More are hardly read, and each looks for the word that was meant.
  static let errorsMax = 100

  private var errors: [SeccompError] = []

  var count: Int { errors.count }
  private var isFull: Bool { errors.count >= Self.errorsMax }

  func add(_ error: SeccompError) {
    if !isFull { errors.append(error) }
  }

  /// What `body` gives; nil where it throws, which is kept.
  @discardableResult
  func value<Value>(_ body: () throws(SeccompError) -> Value) -> Value? {
    guard !isFull else { return nil }
    do throws(SeccompError) { return try body() } catch {
      add(error)
      return nil
    }
  }

  /// Throws all that was collected, if anything.
  func check() throws(SeccompError) {
    guard let first = errors.first else { return }
    throw errors.count == 1 ? first : .several(errors)
  }
}
