/// What a keeper does, without I/O: events in, actions out.
///
/// States: `serves` (a Stockade runs: the launched one, or one that the keeper started), `killing` (the keeper has sent
/// SIGKILL and waits for the Stockade's end), `away` (no Stockade runs), `ending` (the runtime is gone, or the keeper
/// was told to end: it waits for its Stockade) and `over`. There are never two Stockades: the keeper starts one only in
/// `away`, and only a Stockade's end leads to `away`.
package struct KeeperPlan: Equatable, Sendable {
  package enum Servant: Equatable, Sendable { case launched, started }

  package enum State: Equatable, Sendable {
    /// `silent`: looks in a row without a beat. `looks`: looks since this Stockade began.
    case serves(Servant, silent: Int, looks: Int)
    case killing(Servant)
    case away(waitLooks: Int)
    case ending(looks: Int)
    case over
  }

  package enum Event: Equatable, Sendable {
    /// The time of one look is over. `beat`: a sign of life came during the look.
    case look(beat: Bool)
    case servantEnded
    case runtimeEnded
    /// A signal asks the keeper to end.
    case toldToEnd
    /// A Stockade was started, as `start` asked for.
    case started
    /// No Stockade could be started.
    case notStarted
    /// What `complain` asked for was done.
    case complained
  }

  package enum Action: Equatable, Sendable {
    case nothing
    /// Ask the Stockade to end: SIGTERM.
    case terminate
    /// SIGKILL.
    case kill
    /// Start a Stockade. `started` or `notStarted` is the next event.
    case start
    /// Say that no Stockade can be started, and what to do. Say it again after the next vain start, until `complained`
    /// comes.
    case complain
    /// End the keeper.
    case end
  }

  /// The time of a look while a Stockade serves. The keeper counts looks and asks no clock: if the machine or the whole
  /// cgroup stood still, the looks stood still too.
  package static let servingLookMilliseconds = 500
  /// The time of a look while the keeper waits for something.
  package static let waitingLookMilliseconds = 100
  /// 3 seconds.
  package static let silentLooksMax = 6
  /// 1 second: how long a Stockade may take to end once the runtime is gone. The next Stockade waits 2 seconds for it.
  package static let endingLooksMax = 10
  /// 30 seconds: a Stockade that served so long may fail once more without a longer wait.
  package static let soundLooks = 60
  /// 5 seconds between one start and the next, at the longest.
  package static let waitLooksMax = 50
  private static let firstWaitLooks = 5
  /// 10 seconds: a runtime that starts opens its socket after it has launched its plugins.
  package static let vainStartsMax = 100
  /// After `vainStartsMax` starts: 1 second between two starts.
  private static let vainWaitLooks = 10

  package private(set) var state = State.serves(.launched, silent: 0, looks: 0)
  /// How many Stockades ended since one served for a while.
  private var failures = 0
  /// How many starts failed since one succeeded.
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

  /// The launched Stockade is replaced at once. So is a Stockade that served for a while.
  private mutating func missing(_ servant: Servant) -> Action {
    let waitLooks = servant == .launched || failures == 0 ? 0 : Self.firstWaitLooks << (failures - 1)
    // The number is bounded, so that the shift is bounded too.
    if servant == .started { failures = min(failures + 1, 8) }
    state = .away(waitLooks: min(waitLooks, Self.waitLooksMax))
    return waitLooks == 0 ? .start : .nothing
  }

  private mutating func retry() -> Action {
    vainStarts = min(vainStarts + 1, Self.vainStartsMax)
    state = .away(waitLooks: vainStarts < Self.vainStartsMax ? 1 : Self.vainWaitLooks)
    return vainStarts == Self.vainStartsMax && !hasComplained ? .complain : .nothing
  }

  /// - Parameter waitsForLaunched: the process that holds the node's lock must be gone before the next runtime's plugin
  ///   asks for the lock. A launched Stockade ends by itself unless it is stopped or stuck.
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
