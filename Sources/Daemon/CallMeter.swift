import Metrics
import NRI
import Synchronization

/// Measures the calls of the runtime, and knows which one is being answered.
final class CallMeter: Sendable {
  private struct Current {
    var name: String
    var begin: SuspendingClock.Instant
  }
  private let current = Mutex<Current?>(nil)
  private let counts: MetricRegistry

  init(_ counts: MetricRegistry) { self.counts = counts }

  /// Calls do not overlap, because only one thread answers.
  func during<Result>(_ call: PluginCall, _ body: () throws -> Result) rethrows -> Result {
    guard let name = Self.name(call) else { return try body() }
    let begin = SuspendingClock.now
    current.withLock { $0 = Current(name: name, begin: begin) }
    var hasFailed = true
    defer {
      current.withLock { $0 = nil }
      let seconds = (SuspendingClock.now - begin) / .seconds(1)
      counts.change { values in
        values.observe(seconds, in: NodeMetric.callSeconds, name)
        values.add(hasFailed ? 1 : 0, to: NodeMetric.callErrors, name)
      }
    }
    let result = try body()
    hasFailed = false
    return result
  }

  /// nil: the call is not measured.
  private static func name(_ call: PluginCall) -> String? {
    switch call {
    case .configure: Method.configure
    case .synchronize: Method.synchronize
    case .podEvent(let event, _), .containerEvent(let event, _, _): event.method
    case .validate: Event.validateContainerAdjustment.method
    case .shutdown, .unused: nil
    }
  }

  /// What has been answered for longer than that; nil: nothing.
  func problem(over limit: Duration, now: SuspendingClock.Instant = .now) -> String? {
    guard let current = current.withLock({ $0 }), now - current.begin > limit else { return nil }
    let seconds = (now - current.begin).components.seconds
    return "the call \(current.name) of the runtime is not answered for \(seconds) s"
  }
}
