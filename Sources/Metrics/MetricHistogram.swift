/// How many of the observed times were at most so long.
package struct MetricHistogram: Equatable, Sendable {
  /// The upper bounds of the buckets, in seconds. One more bucket takes what is longer.
  package static let bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10]

  /// Of each bucket alone.
  private var counts = [UInt64](repeating: 0, count: bounds.count + 1)
  package private(set) var sum = 0.0

  package init() {}

  package mutating func observe(_ seconds: Double) {
    counts[Self.bounds.firstIndex { seconds <= $0 } ?? Self.bounds.count] += 1
    sum += seconds
  }

  package var count: UInt64 { counts.reduce(0, +) }

  /// For each bound, and then for no bound: how many times were at most so long.
  var cumulative: [UInt64] {
    var total: UInt64 = 0
    return counts.map { count in
      total += count
      return total
    }
  }
}
