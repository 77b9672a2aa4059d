import Synchronization

/// How to stop what was started. The last thing is stopped first, because it may need those that were there before it.
final class StopList: Sendable {
  private struct State {
    var stops: [@Sendable () -> Void] = []
    var isOver = false
  }
  private let state = Mutex(State())

  /// Notes that something was started. After `stopAll` it is stopped at once.
  ///
  /// - Parameter stop: takes a bounded time, whatever holds the thread.
  func add(_ stop: @escaping @Sendable () -> Void) {
    let isLate = state.withLock { state in
      if !state.isOver { state.stops.append(stop) }
      return state.isOver
    }
    if isLate { stop() }
  }

  /// Stops everything, once. A second call has nothing left to stop.
  func stopAll() {
    let stops = state.withLock { state in
      state.isOver = true
      defer { state.stops = [] }
      return state.stops
    }
    for stop in stops.reversed() { stop() }
  }
}
