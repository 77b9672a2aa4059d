import Policy
import YAML

/// Command lines that argument rules may tell apart: each rule's text by itself, a little more than it, and each two
/// of them together.
struct ArgumentExamples {
  let all: [[[UInt8]]]

  init(_ rules: [ArgumentRule], _ path: [UInt8]) {
    let singles = rules.flatMap { rule in
      Self.spellings(rule.text).flatMap { text in Self.places(rule).map { [(place: $0, text: text)] } }
    }
    let pairs = rules.flatMap { first in
      rules.flatMap { second in
        Self.places(first).flatMap { one in
          Self.places(second).map { two in
            one == two
              ? [(place: one, text: first.text + second.text)]
              : [(place: one, text: first.text), (place: two, text: second.text)]
          }
        }
      }
    }
    let overLong = [UInt8](repeating: UInt8(ascii: "x"), count: PathRule.argumentsMaxBytes)
    all = [[path]] + (singles + pairs).map { Self.arguments($0, path) } + [[path, overLong]]
  }

  private static func spellings(_ text: String) -> [String] { [text, text + "x", "x" + text] }

  /// Of a rule for any argument: the first two.
  private static func places(_ rule: ArgumentRule) -> [Int] { rule.index.map { [$0] } ?? [0, 1] }

  private static func arguments(_ words: [(place: Int, text: String)], _ path: [UInt8]) -> [[UInt8]] {
    var arguments = [path]
    for word in words {
      while arguments.count <= word.place { arguments.append([]) }
      arguments[word.place] = Array(word.text.utf8)
    }
    return arguments
  }

  /// A command line in words.
  static func text(_ arguments: [[UInt8]]) -> String {
    if arguments.reduce(0, { $0 + $1.count + 1 }) > PathRule.argumentsMaxBytes {
      return "arguments of more than \(PathRule.argumentsMaxBytes) bytes"
    }
    let shown = arguments.enumerated().filter {
      !$0.element.isEmpty && $0.element.first != UInt8(ascii: "/") || $0.offset > 0
    }
    return "the arguments "
      + shown.filter { !$0.element.isEmpty }.prefix(4).map {
        "argv[\($0.offset)]=\(quoted(String(decoding: $0.element, as: UTF8.self)))"
      }
      .joined(separator: " ")
  }
}
