import Policy
import System
import YAML

extension Explanation {
  /// For people: the verdict in a line, and then what each part of the profile says.
  package var table: String {
    let lines = [verdict] + steps.flatMap(\.lines) + notes.map { "note: \($0)" }
    return lines.map { printable($0) + "\n" }.joined()
  }

  /// `profile web: exec /bin/sh: Block: EACCES`
  private var verdict: String {
    let unenforced = action == .block && !isStopped ? ", which this node does not enforce" : ""
    let effect = deciding?.effect ?? ""
    return "profile \(profile): \(operation): \(action.name)\(unenforced)"
      + (unenforced.isEmpty && !effect.isEmpty ? ": \(effect)" : "")
  }

  /// docs/explain.md
  package var json: JSON {
    .object([
      ("operation", .string(operation)), ("profile", .string(profile)), ("verdict", .string(action.name)),
      ("stopped", .bool(isStopped)), ("effect", .string(deciding?.effect ?? "")),
      ("steps", .array(steps.map(\.json))), ("notes", .array(notes.map { .string($0) })),
    ])
  }
}

extension Explanation.Step {
  fileprivate var lines: [String] {
    let place = location.map { " (\($0))" } ?? ""
    let rows: [(String, [String])] = [
      ("decides", [decider + place]), ("because", [why]), ("enforced", [enforcement]),
      ("matching", candidates.map(\.text)), ("not matching", near.map(\.text)),
    ]
    return ["\(subject): \(action.name): \(effect)"]
      + rows.flatMap { name, texts in
        texts.enumerated().map { index, text in
          let start = index == 0 ? name : ""
          return "  \(start)\(String(repeating: " ", count: Self.width - start.count))\(text)"
        }
      }
  }

  private static let width = "not matching".count + 2

  private var enforcement: String {
    switch coverage {
    case .whole: enforcer.isEmpty ? "nothing is denied, so nothing has to be enforced" : "by \(enforcer)"
    case .partial: "by \(enforcer), in part: \(gap)"
    case .none: "by nothing: \(gap)"
    case .unknown: "it is not known here"
    }
  }

  fileprivate var json: JSON {
    .object(
      [
        ("subject", .string(subject)), ("action", .string(action.name)), ("effect", .string(effect)),
        ("decider", .string(decider)),
      ]
        + location.members + [
          ("why", .string(why)), ("coverage", .string(coverage.rawValue)), ("enforcer", .string(enforcer)),
          ("gap", .string(gap)), ("matching", .array(candidates.map(\.json))),
          ("notMatching", .array(near.map(\.json))),
        ])
  }
}

extension Explanation.Candidate {
  fileprivate var text: String {
    rule + (location.map { " (\($0))" } ?? "") + (remark.isEmpty ? "" : ": \(remark)")
  }

  fileprivate var json: JSON {
    .object([("rule", .string(rule))] + location.members + [("remark", .string(remark))])
  }
}

extension Location? {
  /// `file` and `line`, or null.
  package var members: [(String, JSON)] {
    [("file", map { .string($0.file) } ?? .null), ("line", map { .integer(Int64($0.line)) } ?? .null)]
  }
}
