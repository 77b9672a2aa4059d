import Metrics
import Testing

@Suite("Prometheus' text format")
struct MetricTextTests {
  private let counter = Metric(.counter, "a_total", labels: ["kind"], "What is counted.")
  private let gauge = Metric(.gauge, "b_seconds", "A time.")
  private let histogram = Metric(.histogram, "c_seconds", labels: ["call"], "How long calls take.")

  private func text(_ metrics: Metric..., with change: (inout MetricValues) -> Void) -> String {
    var values = MetricValues()
    change(&values)
    return MetricText.text(of: metrics, values)
  }

  @Test("a metric has one HELP and one TYPE, and its series stand in the order of their labels")
  func order() {
    let expected = """
      # HELP b_seconds A time.
      # TYPE b_seconds gauge
      b_seconds 1.5
      # HELP a_total What is counted.
      # TYPE a_total counter
      a_total{kind="file"} 2
      a_total{kind="process"} 0

      """
    #expect(
      text(gauge, counter) {
        $0.add(0, to: counter, "process")
        $0.add(to: counter, "file")
        $0.add(to: counter, "file")
        $0.set(gauge, to: 1.5)
      } == expected)
  }

  @Test("a metric without a series is left out")
  func empty() { #expect(text(gauge, counter) { $0.add(to: counter, "x") }.hasPrefix("# HELP a_total")) }

  @Test("what would end a value or a line is escaped")
  func escapes() {
    #expect(text(counter) { $0.add(to: counter, "a\"b\\c\nd") }.contains(#"{kind="a\"b\\c\nd"} 1"#))
    let metric = Metric(.gauge, "d", "a \"b\" \\ c\nd")
    #expect(text(metric) { $0.set(metric, to: 1) }.hasPrefix(#"# HELP d a "b" \\ c\nd"# + "\n# TYPE"))
  }

  @Test(
    "numbers are as Prometheus reads them, whole ones to the last digit",
    arguments: [
      (0.5, "0.5"), (3, "3"), (1e-7, "1e-07"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"),
    ] as [(Double, String)])
  func numbers(_ number: Double, _ text: String) {
    #expect(self.text(gauge) { $0.set(gauge, to: number) }.hasSuffix("b_seconds \(text)\n"))
    #expect(self.text(gauge) { $0.set(gauge, to: UInt64.max) }.hasSuffix(" 18446744073709551615\n"))
    #expect(self.text(gauge) { $0.set(gauge, to: -1) }.hasSuffix(" 0\n"))
  }

  @Test("a histogram's buckets count what is at most as long as their bound")
  func buckets() {
    let text = text(histogram) { values in
      for seconds in [0.0005, 0.001, 0.0011, 2, 11] { values.observe(seconds, in: histogram, "a") }
    }
    let lines = text.split(separator: "\n")
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="0.001"} 2"#))
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="0.0025"} 3"#))
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="1"} 3"#))
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="2"} 4"#))
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="10"} 4"#))
    #expect(lines.contains(#"c_seconds_bucket{call="a",le="+Inf"} 5"#))
    #expect(lines.contains(#"c_seconds_count{call="a"} 5"#))
    #expect(lines.contains { $0.hasPrefix(#"c_seconds_sum{call="a"} 13.00"#) })
    #expect(lines.count == MetricHistogram.bounds.count + 5)
  }

  @Test("threads that count at once lose nothing")
  func threads() async {
    let registry = MetricRegistry()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { for _ in 0..<1000 { registry.add(to: counter, "x") } } }
    }
    #expect(MetricText.text(of: [counter], registry.values).contains("} 8000\n"))
  }
}
