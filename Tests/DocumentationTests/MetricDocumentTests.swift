import Metrics
import System
import Testing
import YAML

import enum Daemon.NodeMetric

/// docs/monitoring.md and config/monitoring against the metrics that are written.
@Suite struct MetricDocumentTests {
  private static let folder =
    "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/config/monitoring"
  private static let names = Set(NodeMetric.all.map(\.name))

  @Test("the table has each metric, in the order and with the words in which it is written")
  func table() throws {
    let rows = try Document("docs/monitoring.md").rows(headed: "metric")
    let expected = NodeMetric.all.map { metric in
      [
        "`\(metric.name)`", metric.kind.rawValue, metric.labels.map { "`\($0)`" }.joined(separator: ", "),
        Self.unit(of: metric.name), metric.help,
      ]
    }
    for (row, expected) in zip(rows, expected) {
      #expect(
        row.dropLast() + [row[4].filter { $0 != "`" }] == expected.dropLast() + [expected[4].filter { $0 != "`" }])
    }
    #expect(rows.count == expected.count && Self.names.count == rows.count)
  }

  private static func unit(of name: String) -> String {
    name.contains("_seconds") ? "seconds" : name.contains("_bytes") ? "bytes" : ""
  }

  /// What looks like a metric in a text, without the endings of a histogram's series.
  private static func metrics(in text: String) -> Set<String> {
    let words = text.split { !($0.isLetter || $0.isNumber || $0 == "_") }.map(String.init)
    return Set(
      words.filter { ["stockade_", "process_"].contains(where: $0.hasPrefix) }.map { word in
        ["_bucket", "_sum", "_count"].first(where: word.hasSuffix).map { String(word.dropLast($0.count)) } ?? word
      })
  }

  @Test(
    "dashboard, alerts and their tests name only metrics that are written",
    arguments: ["dashboard.json", "alerts.yaml", "alerts.test.yaml"])
  func named(_ file: String) throws {
    let named = Self.metrics(in: try Files.text("\(Self.folder)/\(file)"))
    #expect(!named.isEmpty && named.subtracting(Self.names) == [])
  }

  @Test("the dashboard is JSON, with a panel for each metric")
  func dashboard() throws {
    let bytes = try Files.read("\(Self.folder)/dashboard.json")
    let root = try #require(try Node.parseJSON(bytes, file: "dashboard.json"))
    let panels = try #require(root["panels"]?.elements)
    #expect(panels.count > 20 && panels.allSatisfy { $0["title"]?.text != nil && $0["gridPos"] != nil })
    #expect(Self.names.subtracting(Self.metrics(in: String(decoding: bytes, as: UTF8.self))) == [])
  }

  @Test("each alert is in a test")
  func alerts() throws {
    let rules = try Files.text("\(Self.folder)/alerts.yaml").split(separator: "\n")
      .compactMap { line in line.firstRange(of: "- alert: ").map { String(line[$0.upperBound...]) } }
    let tests = try Files.text("\(Self.folder)/alerts.test.yaml")
    #expect(rules.count > 10 && rules.filter { !tests.contains($0) } == [])
  }

  @Test(
    "promtool takes the alerts, and their tests pass",
    .enabled(if: Files.exists("/usr/bin/promtool"), "needs promtool"),
    arguments: [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts.test.yaml"]])
  func promtool(_ words: [String]) throws {
    let run = try ProgramRun(
      "/usr/bin/promtool", arguments: ["promtool"] + words.dropLast() + ["\(Self.folder)/\(words[2])"], seconds: 60)
    #expect(run.status == 0, "\(run.output)\(run.error)")
  }
}
