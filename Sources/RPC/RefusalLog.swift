import Synchronization

/// Tells who is refused, but not more than the log can bear: whoever reaches the socket can connect again and again.
final class RefusalLog: Sendable {
  private static let lines = 5
  private static let period = Duration.seconds(60)

  private struct State {
    var begin: ContinuousClock.Instant?
    var told: Set<String> = []
    var untold = 0
  }
  private let state = Mutex(State())

  func note(_ reason: String, now: ContinuousClock.Instant = .now, _ tell: (String) -> Void) {
    let lines = state.withLock { state -> [String] in
      var lines: [String] = []
      if state.begin.map({ now - $0 > Self.period }) ?? true {
        if state.untold > 0 { lines.append("\(state.untold) more clients of the control socket were refused") }
        state = State(begin: now)
      }
      if state.told.count < Self.lines, state.told.insert(reason).inserted {
        lines.append("a client of the control socket is refused: \(reason)")
      } else {
        state.untold += 1
      }
      return lines
    }
    for line in lines { tell(line) }
  }
}
