import System

/// Work that one thread does over and over, until another one ends it for good.
final class Rounds: Sendable {
  private struct State {
    var isRunning = false
    var areOver = false
  }
  private let state = Monitor(State())

  /// One round; none once they are over, or while another one runs.
  func run(_ body: () -> Void) {
    let begins = state.withLock { state in
      if state.areOver || state.isRunning { return false }
      state.isRunning = true
      return true
    }
    guard begins else { return }
    defer { state.withLock { $0.isRunning = false } }
    body()
  }

  /// Between two rounds.
  ///
  /// - Returns: whether there is another one.
  func pause(milliseconds: Int) -> Bool { !state.wait(milliseconds: milliseconds) { $0.areOver } }

  /// No round begins any more. One that runs is waited for, at most so long.
  ///
  /// - Returns: whether none runs.
  func end(milliseconds: Int) -> Bool {
    state.withLock { $0.areOver = true }
    return state.wait(milliseconds: milliseconds) { !$0.isRunning }
  }
}
