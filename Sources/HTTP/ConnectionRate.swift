/// Bounds what clients cost that come one after the other without end: so many may come in a second.
struct ConnectionRate {
  private var second: ContinuousClock.Instant
  private var count = 0

  init(now: ContinuousClock.Instant = .now) { second = now }

  /// When one more may come; nil: now.
  func next(now: ContinuousClock.Instant = .now) -> ContinuousClock.Instant? {
    let end = second + .seconds(1)
    return now < end && count >= HTTPLimits.connectionsPerSecond ? end : nil
  }

  /// One has come.
  mutating func note(now: ContinuousClock.Instant = .now) {
    if now >= second + .seconds(1) { (second, count) = (now, 0) }
    count += 1
  }
}
