import Logging

/// What a launched plugin does if its profiles are read only after it was told what runs. The Stockade that takes its
/// place is told again what runs, and confines it.
enum LateProfiles {
  /// A runtime that starts opens its socket after it has launched its plugins.
  static let patienceMilliseconds = 10_000
  private static let lookMilliseconds = 100

  /// Ends the session if another Stockade comes for it. A node without any Stockade is worse than what the log names.
  ///
  /// - Parameter pause: waits between two looks; false: the process ends anyway.
  static func makeWay(
    _ log: Logger, patienceMilliseconds: Int = patienceMilliseconds, pause: (_ milliseconds: Int) -> Bool,
    isReplaceable: () -> Bool, end: () -> Void
  ) {
    for look in 0...patienceMilliseconds / lookMilliseconds {
      if look > 0, !pause(lookMilliseconds) { return }
      guard isReplaceable() else { continue }
      log.critical("the profiles were read late: what ran before is confined by the stockade that comes next")
      return end()
    }
    log.critical(
      "the profiles were read late, and no other stockade would come: what ran before stays as it is",
      metadata: [
        "containers": "those that the log names as not confined",
        "action": "remove their pods, or restart the runtime, now that the profiles are read",
      ])
  }
}
