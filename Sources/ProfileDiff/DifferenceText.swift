import Explanation
import Policy
import System
import YAML

extension Comparison {
  /// In words, a line each.
  package var table: String {
    var lines = ["A: \(a.file): profile \(a.profile)", "B: \(b.file): profile \(b.profile)"]
    lines +=
      differences.isEmpty ? ["no difference"] : differences.map { "\($0.section): \($0.sentence) (\(places($0)))" }
    lines += notes.map { "note: \($0)" }
    return lines.map { printable($0) + "\n" }.joined()
  }

  /// The side that lets more is told first.
  private func places(_ difference: Difference) -> String {
    let (first, second) = (place(difference.a, a), place(difference.b, b))
    return difference.kind == .bLetsMore ? "\(second); \(first)" : "\(first); \(second)"
  }

  private func place(_ side: Difference.Side, _ named: Named) -> String {
    "\(side.decider.location.map { "\($0)" } ?? named.file): \(side.decider.text)"
  }

  /// docs/explain.md
  package var json: JSON {
    .object([
      ("a", a.json), ("b", b.json), ("differences", .array(differences.map(\.json))),
      ("notes", .array(notes.map { .string($0) })),
    ])
  }
}

extension Comparison.Named {
  fileprivate var json: JSON { .object([("file", .string(file)), ("profile", .string(profile))]) }
}

extension Difference {
  /// `B allows exec of /usr/bin/x, which A blocks`
  package var sentence: String {
    if section == "profile" { return "\(subject) is \(a.decider.said) in A, and \(b.decider.said) in B" }
    let (more, less) = kind == .bLetsMore ? (("B", b), ("A", a)) : (("A", a), ("B", b))
    return "\(more.0) \(more.1.says) \(subject), which \(less.0) \(less.1.says)"
  }

  fileprivate var json: JSON {
    let letsMore: String? =
      switch kind {
      case .bLetsMore: "b"
      case .aLetsMore: "a"
      case .other: nil
      }
    return .object([
      ("section", .string(section)), ("subject", .string(subject)),
      ("letsMore", letsMore.map { .string($0) } ?? .null), ("a", a.json), ("b", b.json),
    ])
  }
}

extension Difference.Side {
  fileprivate var json: JSON {
    .object([("says", .string(says)), ("decider", .string(decider.text))] + decider.location.members)
  }
}

extension Decider {
  /// What it says, without its place.
  fileprivate var said: String { String(text.dropFirst(key.count + 1)) }
}
