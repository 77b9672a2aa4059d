import Policy
import System
import YAML

/// What `profile test` prints.
package struct TestReport {
  private let test: ProfileTest
  private let file: String
  private let recordings: [(file: String, recording: Recording)]
  private let mutations: [Mutation]?

  package init(_ test: ProfileTest, file: String, _ recordings: [(file: String, recording: Recording)], mutates: Bool) {
    (self.test, self.file, self.recordings) = (test, file, recordings)
    mutations = mutates ? test.mutations : nil
  }

  /// 0: nothing would have been denied; 1: something would have been.
  package var status: Int32 { test.denied.isEmpty ? 0 : 1 }

  private static let model = "judged by Stockade's model of the kernel's decisions, and by the filter itself"

  // MARK: For people

  package var text: String {
    var lines = incomplete.map { "warning: \($0)" }
    lines += Self.table(
      [["VERDICT", "COUNT", "OPERATION", "RULE", "REASON"]] + (test.denied + test.audited).map(row))
    for (reason, verdicts) in Dictionary(grouping: test.undecided, by: \.reason).sorted(by: { $0.key < $1.key }) {
      lines.append("not judged, since \(reason): \(verdicts.map(\.operation.text).joined(separator: ", "))")
    }
    lines.append(
      "\(file): \(test.denied.count) of \(test.verdicts.count) operations would have been denied, "
        + "\(test.audited.count) audited; \(Self.model)")
    if let mutations { lines += text(of: mutations) }
    return lines.map { printable($0) + "\n" }.joined()
  }

  /// Why a test that finds nothing says less than it seems to.
  private var incomplete: [String] {
    recordings.flatMap { file, recording in
      (recording.isWhole ? [] : ["\(file) is not whole: \(recording.losses.keys.sorted().joined(separator: ", "))"])
        + recording.unseen.sorted { $0.key < $1.key }.map {
          "\(file) did not see \($0.key.rawValue): \(ByteText.written(Array($0.value.utf8)))"
        }
    }
  }

  private func row(_ verdict: ProfileTest.Verdict) -> [String] {
    [
      verdict.action?.name ?? "", verdict.count.map(String.init) ?? "-", verdict.operation.text,
      verdict.rule + (verdict.location.map { " (\($0))" } ?? ""), verdict.reason,
    ]
  }

  private func text(of mutations: [Mutation]) -> [String] {
    let rows = Self.calls(mutations) + mutations.filter { $0.filterRule == nil }.map { Self.row($0, $0.part) }
    let counts = Mutation.Need.allCases.map { need in "\(mutations.count { $0.need == need }) \(need.rawValue)" }
    return [""] + Self.table([["NEED", "WITHOUT IT", "PART"]] + rows)
      + ["\(mutations.count) parts: \(counts.joined(separator: ", "))"]
  }

  private static func row(_ mutation: Mutation, _ part: String) -> [String] {
    [mutation.need.rawValue, mutation.meaning, part + (mutation.location.map { " (\($0))" } ?? "")]
  }

  /// A row for the names of a rule that are alike. Those that are needed are only counted.
  private static func calls(_ mutations: [Mutation]) -> [[String]] {
    var rules: [String] = []
    for rule in mutations.compactMap(\.filterRule) where rules.last != rule { rules.append(rule) }
    return rules.flatMap { rule in
      Mutation.Need.allCases.compactMap { need in
        let found = mutations.filter { $0.filterRule == rule && $0.need == need }
        guard let first = found.first else { return nil }
        let names = found.map { $0.part.dropFirst(rule.count + 1) }.joined(separator: ", ")
        return row(first, rule + (need == .needed && found.count > 1 ? ", \(found.count) calls" : ": \(names)"))
      }
    }
  }

  private static func table(_ rows: [[String]]) -> [String] {
    guard rows.count > 1 else { return [] }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, text in
        column == row.count - 1 ? text : text + String(repeating: " ", count: widths[column] - text.count)
      }.joined(separator: "  ")
    }
  }

  // MARK: For programs

  /// docs/recording.md
  package var json: JSON {
    .object(
      [
        ("profile", .string(file)), ("recordings", .array(recordings.map { .string($0.file) })),
        ("whole", .bool(recordings.allSatisfy(\.recording.isWhole))), ("judge", "model"),
        ("operations", .integer(Int64(test.verdicts.count))), ("denied", .array(test.denied.map(\.json))),
        ("audited", .array(test.audited.map(\.json))), ("notJudged", .array(test.undecided.map(\.json))),
      ] + (mutations.map { [("parts", JSON.array($0.map(\.json)))] } ?? []))
  }
}

extension ProfileTest.Verdict {
  fileprivate var json: JSON {
    .object(
      [
        ("operation", .string(operation.text)), ("count", count.map { .unsigned($0) } ?? .null),
        ("rule", .string(rule)),
      ] + JSON.place(location) + [("reason", .string(reason))])
  }
}

extension Mutation {
  fileprivate var meaning: String {
    switch need {
    case .needed: example.map { "denied or reported: \($0)" } ?? "calls that were made are denied"
    case .unneeded: "nothing that was recorded changes"
    case .guard: example.map { "allowed: \($0)" } ?? "more passes than was recorded"
    }
  }

  fileprivate var json: JSON {
    .object(
      [("part", .string(part))] + JSON.place(location) + [
        ("need", .string(need.rawValue)), ("example", example.map { .string($0) } ?? .null),
      ])
  }
}

extension JSON {
  fileprivate static func place(_ location: Location?) -> [(String, JSON)] {
    [
      ("file", location.map { .string($0.file) } ?? .null),
      ("line", location.map { .integer(Int64($0.line)) } ?? .null),
    ]
  }
}
