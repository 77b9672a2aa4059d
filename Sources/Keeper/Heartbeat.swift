import Synchronization
import System

/// Whether the thread that answers the runtime can answer: it has no call, or has not been busy with one for too long.
package final class Heartbeat: Sendable {
  private struct State {
    var deadline: SuspendingClock.Instant?
    var limit = Heartbeat.defaultLimit
  }
  private let state = Mutex(State())

  /// NRI's own limit for a request. Older versions do not report theirs.
  package static let defaultLimit = Duration.seconds(2)
  /// The limit for getting ready. On a busy machine the kernel takes its time for BPF programs, and who is killed for
  /// that begins anew.
  package static let readyLimit = Duration.seconds(300)

  package init() {}

  /// How long a call may take before the runtime goes on without an answer.
  package func setLimit(_ limit: Duration) { state.withLock { $0.limit = limit } }

  package var limit: Duration { state.withLock { $0.limit } }

  /// Runs one call. Calls do not overlap, because only one thread answers.
  package func during<Result>(limit: Duration? = nil, _ body: () throws -> Result) rethrows -> Result {
    begin(limit: limit)
    defer { state.withLock { $0.deadline = nil } }
    return try body()
  }

  private func begin(limit: Duration?) {
    state.withLock { $0.deadline = .now + (limit ?? $0.limit) }
  }

  package var isBusy: Bool { state.withLock { $0.deadline != nil } }

  /// Whether the runtime has gone on without us by now.
  package var isLate: Bool { state.withLock { $0.deadline.map { $0 < .now } ?? false } }
}
