/// What a keeper does, without I/O: events in, actions out.
///
/// States: `serves` (a Stockade runs, the launched one or one that the keeper started), `killing` (SIGKILL is sent, its
/// end waited for), `away` (none runs), `ending` (the runtime is gone, or the keeper was told to end: its Stockade is
/// waited for) and `over`. There is never a second one: one is started in `away` alone, which only an end leads to.
package struct KeeperPlan: Equatable, Sendable {
  package enum Servant: Equatable, Sendable { case launched, started }

  package enum State: Equatable, Sendable {
    /// `silent`: looks in a row without a beat. `looks`: since it began.
    case serves(Servant, silent: Int, looks: Int)
    case killing(Servant)
    case away(waitLooks: Int)
    case ending(looks: Int)
    case over
  }

  package enum Event: Equatable, Sendable {
    /// The time of one look is over. `beat`: a sign of life came in it.
    case look(beat: Bool)
    case servantEnded
    case runtimeEnded
    /// A signal asks the keeper to end.
    case toldToEnd
    /// A Stockade was started, as `start` asked for.
    case started
    /// None could be.
    case notStarted
    /// What `complain` asked for was done.
    case complained
  }

  package enum Action: Equatable, Sendable {
    case nothing
    /// Ask it to end: SIGTERM.
    case terminate
    /// SIGKILL.
    case kill
    /// Start one. `started` or `notStarted` is the next event.
    case start
    /// Say that none can be started, and what to do; again after the next vain start, until `complained` comes.
    case complain
    /// The keeper's own end.
    case end
  }

  /// While one serves. Looks and not a clock: where the machine or the whole cgroup stood still, so did both.
  package static let servingLookMilliseconds = 500
  /// While something is waited for.
  package static let waitingLookMilliseconds = 100
  /// 3 seconds.
  package static let silentLooksMax = 6
  /// 1 second: how long a Stockade may take to end once the runtime is gone. The next one waits 2 for it.
  package static let endingLooksMax = 10
  /// 30 seconds: who served that long may fail once more for nothing.
  package static let soundLooks = 60
  /// 5 seconds between one start and the next, at the longest.
  package static let waitLooksMax = 50
  private static let firstWaitLooks = 5
  /// 10 seconds: a runtime that starts opens its socket after it has launched its plugins.
  package static let vainStartsMax = 100
  /// 1 second between the starts after those.
  private static let vainWaitLooks = 10

  package private(set) var state = State.serves(.launched, silent: 0, looks: 0)
  /// Ends since one served for a while.
  private var failures = 0
  /// Starts that failed since one did not.
  private var vainStarts = 0
  private var hasComplained = false

  package init() {}

  package var lookMilliseconds: Int {
    switch state {
    case .serves, .killing, .over: Self.servingLookMilliseconds
    case .away, .ending: Self.waitingLookMilliseconds
    }
  }

  package mutating func receive(_ event: Event) -> Action {
    switch (state, event) {
    case (.over, _): return .nothing
    case (_, .look(let beat)): return look(beat)
    case (.serves(let servant, _, _), .servantEnded), (.killing(let servant), .servantEnded): return missing(servant)
    case (.ending, .servantEnded): return finish()
    case (.away, .started):
      (vainStarts, hasComplained) = (0, false)
      state = .serves(.started, silent: 0, looks: 0)
    case (.away, .notStarted): return retry()
    case (_, .complained): hasComplained = true
    case (_, .runtimeEnded): return leave(waitsForLaunched: true)
    case (_, .toldToEnd): return leave(waitsForLaunched: false)
    case (_, .servantEnded), (_, .started), (_, .notStarted): break
    }
    return .nothing
  }

  private mutating func look(_ beat: Bool) -> Action {
    switch state {
    case .serves(let servant, let silent, let looks):
      if looks + 1 == Self.soundLooks { failures = 0 }
      state = .serves(servant, silent: beat ? 0 : silent + 1, looks: min(looks + 1, Self.soundLooks))
      guard !beat, silent + 1 == Self.silentLooksMax else { return .nothing }
      state = .killing(servant)
      return .kill
    case .away(let waitLooks):
      state = .away(waitLooks: max(0, waitLooks - 1))
      return waitLooks <= 1 ? .start : .nothing
    case .ending(let looks):
      state = .ending(looks: looks + 1)
      return looks + 1 == Self.endingLooksMax ? .kill : .nothing
    case .killing, .over: return .nothing
    }
  }

  /// The launched one is replaced at once, and so is one that served for a while.
  private mutating func missing(_ servant: Servant) -> Action {
    let waitLooks = servant == .launched || failures == 0 ? 0 : Self.firstWaitLooks << (failures - 1)
    // Bounded, so that the shift is.
    if servant == .started { failures = min(failures + 1, 8) }
    state = .away(waitLooks: min(waitLooks, Self.waitLooksMax))
    return waitLooks == 0 ? .start : .nothing
  }

  private mutating func retry() -> Action {
    vainStarts = min(vainStarts + 1, Self.vainStartsMax)
    state = .away(waitLooks: vainStarts < Self.vainStartsMax ? 1 : Self.vainWaitLooks)
    return vainStarts == Self.vainStartsMax && !hasComplained ? .complain : .nothing
  }

  /// - Parameter waitsForLaunched: whoever holds the node's lock must be gone before the next runtime's plugin asks for
  ///   it; a launched one ends by itself unless it is stopped or stuck.
  private mutating func leave(waitsForLaunched: Bool) -> Action {
    switch state {
    case .serves(.started, _, _), .killing(.started):
      state = .ending(looks: 0)
      return .terminate
    case .serves(.launched, _, _), .killing(.launched):
      guard waitsForLaunched else { return finish() }
      state = .ending(looks: 0)
      return .nothing
    case .away: return finish()
    case .ending, .over: return .nothing
    }
  }

  private mutating func finish() -> Action {
    state = .over
    return .end
  }
}
