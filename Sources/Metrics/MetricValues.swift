/// The numbers of metrics at one moment. A series is a metric with a value for each of its labels.
package struct MetricValues: Sendable {
  enum Value: Equatable, Sendable {
    case whole(UInt64)
    case number(Double)
    case histogram(MetricHistogram)
  }

  /// By the metric's name, then by the labels' values.
  private var series: [String: [[String]: Value]] = [:]

  package init() {}

  /// Raises a counter. With 0 the series is there from now on, so that its first rise is seen as one.
  package mutating func add(_ count: UInt64 = 1, to metric: Metric, _ labels: String...) {
    var sum = count
    if case .whole(let before) = self[metric, labels] { sum = before &+ count }
    self[metric, labels] = .whole(sum)
  }

  /// Sets a gauge, or a counter that somebody else counts.
  package mutating func set(_ metric: Metric, _ labels: String..., to number: some BinaryInteger) {
    self[metric, labels] = .whole(UInt64(clamping: number))
  }

  package mutating func set(_ metric: Metric, _ labels: String..., to number: Double) {
    self[metric, labels] = .number(number)
  }

  /// 1 or 0.
  package mutating func set(_ metric: Metric, _ labels: String..., to isTrue: Bool) {
    self[metric, labels] = .whole(isTrue ? 1 : 0)
  }

  package mutating func observe(_ seconds: Double, in metric: Metric, _ labels: String...) {
    var histogram = MetricHistogram()
    if case .histogram(let before) = self[metric, labels] { histogram = before }
    histogram.observe(seconds)
    self[metric, labels] = .histogram(histogram)
  }

  private subscript(_ metric: Metric, _ labels: [String]) -> Value? {
    get { series[metric.name]?[labels] }
    set {
      assert(labels.count == metric.labels.count, "\(metric.name) has the labels \(metric.labels)")
      series[metric.name, default: [:]][labels] = newValue
    }
  }

  /// Each series of a metric, in the order of its labels' values.
  func series(of metric: Metric) -> [(labels: [String], value: Value)] {
    (series[metric.name] ?? [:]).map { ($0.key, $0.value) }.sorted { $0.labels.lexicographicallyPrecedes($1.labels) }
  }
}
