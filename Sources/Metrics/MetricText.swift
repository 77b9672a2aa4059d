/// Prometheus' text format.
/// https://prometheus.io/docs/instrumenting/exposition_formats/
package enum MetricText {
  package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The metrics in their order. One without a series is left out.
  package static func text(of metrics: [Metric], _ values: MetricValues) -> String {
    var text = ""
    for metric in metrics {
      let series = values.series(of: metric)
      if series.isEmpty { continue }
      text += "# HELP \(metric.name) \(escaped(metric.help, quotes: false))\n"
      text += "# TYPE \(metric.name) \(metric.kind.rawValue)\n"
      for (labels, value) in series { write(metric, labels, value, to: &text) }
    }
    return text
  }

  private static func write(
    _ metric: Metric, _ labels: [String], _ value: MetricValues.Value, to text: inout String
  ) {
    let pairs = zip(metric.labels, labels).map { "\($0)=\"\(escaped($1, quotes: true))\"" }
    switch value {
    case .whole(let number): text += line(metric.name, pairs, "\(number)")
    case .number(let number): text += line(metric.name, pairs, self.number(number))
    case .histogram(let histogram):
      let bounds = MetricHistogram.bounds.map(number) + ["+Inf"]
      for (bound, count) in zip(bounds, histogram.cumulative) {
        text += line(metric.name + "_bucket", pairs + ["le=\"\(bound)\""], "\(count)")
      }
      text += line(metric.name + "_sum", pairs, number(histogram.sum))
      text += line(metric.name + "_count", pairs, "\(histogram.count)")
    }
  }

  private static func line(_ name: String, _ pairs: [String], _ value: String) -> String {
    pairs.isEmpty ? "\(name) \(value)\n" : "\(name){\(pairs.joined(separator: ","))} \(value)\n"
  }

  private static func number(_ number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Inf" : "+Inf" }
    let text = "\(number)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
  }

  private static func escaped(_ text: String, quotes: Bool) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}
