import System

/// What stands at a path.
package struct HTTPPage: Sendable {
  enum Making: Sendable {
    case atOnce(@Sendable () -> HTTPAnswer)
    case beside(AnswerMaker)
  }
  let making: Making

  /// The answer is made on the server's thread, so it must wait for nothing.
  package static func quick(_ make: @escaping @Sendable () -> HTTPAnswer) -> HTTPPage {
    HTTPPage(making: .atOnce(make))
  }

  /// The answer is made on a thread of its own, once for all clients that ask at about the same time.
  package static func slow(_ make: @escaping @Sendable () -> HTTPAnswer) -> HTTPPage {
    HTTPPage(making: .beside(AnswerMaker(make)))
  }
}

/// Makes an answer that may take its time. However many ask, one is made at a time, and none is made again before it is
/// `HTTPLimits.answerMaxAge` old.
final class AnswerMaker: Sendable {
  private struct State {
    var answer: HTTPAnswer?
    var made: ContinuousClock.Instant?
    var isWanted = false
    var isStopped = false
    var wake: @Sendable () -> Void = {}
  }
  private let state = Monitor(State())
  private let make: @Sendable () -> HTTPAnswer

  init(_ make: @escaping @Sendable () -> HTTPAnswer) { self.make = make }

  /// - Parameter wake: called when an answer is there.
  func start(wake: @escaping @Sendable () -> Void) throws(Errno) {
    state.withLock { $0.wake = wake }
    _ = try Thread { [self] in run() }
  }

  /// Does not wait for an answer that is being made.
  func stop() { state.withLock { ($0.isStopped, $0.wake) = (true, {}) } }

  /// Never blocks.
  ///
  /// - Returns: nil: one is being made.
  func answer() -> HTTPAnswer? {
    state.withLock { state in
      if let answer = state.answer, let made = state.made, .now - made < HTTPLimits.answerMaxAge { return answer }
      (state.answer, state.isWanted) = (nil, true)
      return nil
    }
  }

  private func run() {
    Thread.nameCurrent("stockade-pages")
    while true {
      let isOver = state.wait { state -> Bool? in state.isStopped ? true : state.isWanted ? false : nil }
      if isOver { return }
      let answer = make()
      let wake = state.withLock { state in
        // An answer that took long is still given to those who waited for it.
        (state.answer, state.made, state.isWanted) = (answer, .now, false)
        return state.wake
      }
      wake()
    }
  }
}
