import HTTP
import Metrics

package enum MonitoringLimits {
  /// So long the threads that matter may show no progress. They do every few seconds, unless something holds them.
  package static let patience = Duration.seconds(15)
  /// How old the fills of the kernel's tables may be: to count them, all tables are walked.
  package static let fillsMaxAge = Duration.seconds(10)
}

/// What can be read of a node over HTTP.
struct MonitoringPages: Sendable {
  let metrics: NodeMetrics
  let sweep: NodeSweep
  let calls: CallMeter

  var pages: [String: HTTPPage] {
    [
      "/metrics": .slow { HTTPAnswer(.ok, metrics.text, contentType: MetricText.contentType) },
      "/healthz": .quick { Self.answer(healthProblems()) },
      "/readyz": .quick { Self.answer(metrics.control.missingForReadiness) },
    ]
  }

  /// Why the process makes no progress; empty: it does. Asks for no lock that a decision is made under: the sweep waits
  /// for the table's lock every few seconds, so it shows no progress if somebody keeps that lock.
  func healthProblems(now: SuspendingClock.Instant = .now) -> [String] {
    [
      calls.problem(over: MonitoringLimits.patience, now: now),
      sweep.problem(over: MonitoringLimits.patience, now: now),
    ].compactMap { $0 }
  }

  static func answer(_ problems: [String]) -> HTTPAnswer {
    problems.isEmpty
      ? HTTPAnswer(.ok, "ok\n") : HTTPAnswer(.unavailable, problems.joined(separator: "\n") + "\n")
  }
}
