import Synchronization

/// What is counted while Stockade runs. Any thread may count.
package final class MetricRegistry: Sendable {
  private let state = Mutex(MetricValues())

  package init() {}

  package func change(_ body: (inout MetricValues) -> Void) { state.withLock { body(&$0) } }

  package func add(_ count: UInt64 = 1, to metric: Metric) { change { $0.add(count, to: metric) } }

  package func add(_ count: UInt64 = 1, to metric: Metric, _ label: String) {
    change { $0.add(count, to: metric, label) }
  }

  /// A copy, to which can be added what is known elsewhere.
  package var values: MetricValues { state.withLock { $0 } }
}
