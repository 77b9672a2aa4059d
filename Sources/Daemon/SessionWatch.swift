import Keeper
import NRI

/// Times the calls of a session, because the runtime drops a plugin that is too slow.
final class SessionWatch: CallObserver {
  private let heartbeat: Heartbeat
  private let willConfigure: (String) -> Void
  /// nil: nobody measures.
  var meter: CallMeter?
  /// Called when this plugin serves: it has adopted what the runtime says that runs, or the runtime has gone on to
  /// events without saying it. May be called more than once.
  var whenServing: () -> Void = {}
  /// When the runtime got its answer, in time, to what it reported of what runs.
  private var informed: SuspendingClock.Instant?
  private var hasServed = false

  /// - Parameter willConfigure: gets the text of Configure before anything is done with it.
  init(_ heartbeat: Heartbeat, willConfigure: @escaping (String) -> Void = { _ in }) {
    (self.heartbeat, self.willConfigure) = (heartbeat, willConfigure)
  }

  func during<Result>(_ call: PluginCall, _ body: () throws -> Result) rethrows -> Result {
    guard let meter else { return try watched(call, body) }
    return try meter.during(call) { try watched(call, body) }
  }

  private func watched<Result>(_ call: PluginCall, _ body: () throws -> Result) rethrows -> Result {
    switch call {
    case .configure(let configuration): return try configure(configuration, body)
    case .synchronize: return try synchronize(body)
    case .podEvent, .containerEvent, .validate:
      if !hasServed { whenServing() }
      hasServed = true
    case .shutdown, .unused: break
    }
    return try heartbeat.during(body)
  }

  private func configure<Result>(_ configuration: Configuration, _ body: () throws -> Result) rethrows -> Result {
    if configuration.requestTimeoutMilliseconds > 0 {
      heartbeat.setLimit(.milliseconds(configuration.requestTimeoutMilliseconds))
    }
    return try heartbeat.during {
      willConfigure(configuration.config)
      return try body()
    }
  }

  private func synchronize<Result>(_ body: () throws -> Result) rethrows -> Result {
    let begin = SuspendingClock.now
    let result = try heartbeat.during(body)
    if .now - begin < heartbeat.limit { informed = .now }
    whenServing()
    return result
  }

  /// Whether the session that has ended was a good one: the runtime took the answer to what it reported of what runs,
  /// and went on. The runtime drops a plugin that answers too late. It measures by its own clock, which began earlier
  /// than ours.
  func wasGood(now: SuspendingClock.Instant = .now) -> Bool {
    hasServed || informed.map { now - $0 > heartbeat.limit } ?? false
  }
}
