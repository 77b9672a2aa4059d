import YAML

/// A mapping with known keys. Every reader reports what does not fit, and then returns nil, as for a missing key.
package struct Fields {
  package let node: Node
  /// Where the mapping stands, for messages: `spec.process`.
  package let place: String
  package let problems: Problems
  private let keys: [String]
  /// Keys that a misspelt key probably means.
  private var meant: Set<String> = []
  /// Whether there is a key that is not in `keys`.
  private(set) var hasUnknownKeys = false

  /// nil: `node` is no mapping. Unknown keys are reported.
  ///
  /// - Parameter keys: in the order in which messages list them.
  package init?(_ node: Node, _ place: String, keys: [String], _ problems: Problems) {
    guard let entries = node.entries else {
      let advice =
        node.text.flatMap { Self.missingSpace($0, keys) }
        ?? "; write a mapping with the keys \(keys.joined(separator: ", "))"
      problems.add(node.line, "\(place) is \(node.kind)\(advice)")
      return nil
    }
    (self.node, self.place, self.problems, self.keys) = (node, place, problems, keys)
    for entry in entries where !keys.contains(entry.key) {
      hasUnknownKeys = true
      if let near = Suggestion.nearest(to: entry.key, among: keys) { meant.insert(near) }
      let advice =
        Self.missingSpace(entry.key, keys)
        ?? Suggestion.advice(for: entry.key, among: keys, otherwise: "its keys are \(keys.joined(separator: ", "))")
      problems.add(entry.line, "unknown key \(quoted(entry.key)) in \(place)\(advice)")
    }
  }

  /// For `mode:Audit`, which YAML reads as one text.
  private static func missingSpace(_ text: String, _ keys: [String]) -> String? {
    guard let colon = text.firstIndex(of: ":"), keys.contains(String(text[..<colon])) else { return nil }
    let value = text[text.index(after: colon)...]
    return value.isEmpty ? nil : "; write a space after the colon: \(quoted(text[..<colon] + ": " + value))"
  }

  /// The `place` of a document's own keys.
  package static let root = "the file"

  package var line: Int { node.line }

  package func path(_ key: String) -> String { place == Self.root ? key : "\(place).\(key)" }

  /// The line of the key, or the line of the mapping if the key is missing.
  package func line(of key: String) -> Int { node.entries?.first { $0.key == key }?.line ?? node.line }

  package subscript(key: String) -> Node? {
    assert(keys.contains(key))
    return node[key]
  }

  package func has(_ key: String) -> Bool { self[key] != nil }

  /// Reports a missing key, unless a misspelt key stands for it. `hint`: what to write.
  package func require(_ key: String, _ hint: String) {
    if !has(key), !meant.contains(key) { problems.add(line, "\(place) has no \(key); add \(hint)") }
  }

  package func refuse(_ key: String, _ why: String) {
    if has(key) { problems.add(line(of: key), "\(path(key)) \(why)") }
  }

  package func text(_ key: String) -> String? {
    self[key].flatMap { Self.text($0, path(key), problems) }
  }

  package static func text(_ node: Node, _ place: String, _ problems: Problems) -> String? {
    if let text = node.text {
      if !text.isEmpty { return text }
      problems.add(node.line, "\(place) is empty; write a text")
    } else {
      let isScalar = node.entries == nil && node.elements == nil && !node.isNull
      problems.add(node.line, "\(place) is \(node.kind); \(isScalar ? "write it in quotes" : "write a text")")
    }
    return nil
  }

  package func bool(_ key: String) -> Bool? {
    guard let node = self[key] else { return nil }
    if node.bool == nil { problems.add(node.line, "\(path(key)) is \(node.kind); write true or false") }
    return node.bool
  }

  package func integer(_ key: String, in range: ClosedRange<Int>) -> Int? {
    guard let node = self[key] else { return nil }
    if let value = node.integer, range.contains(Int(value)) { return Int(value) }
    problems.add(
      node.line, "\(path(key)) is \(node.kind); write a number from \(range.lowerBound) to \(range.upperBound)")
    return nil
  }

  package func unsigned(_ key: String) -> UInt64? {
    guard let node = self[key] else { return nil }
    if node.unsigned == nil {
      problems.add(node.line, "\(path(key)) is \(node.kind); write a number from 0 to \(UInt64.max)")
    }
    return node.unsigned
  }

  /// A value that is one of a type's words.
  package func word<Value: CaseIterable>(_ key: String, _ name: (Value) -> String) -> Value? {
    self[key].flatMap { Self.word($0, path(key), name, problems) }
  }

  package static func word<Value: CaseIterable>(
    _ node: Node, _ place: String, _ name: (Value) -> String, _ problems: Problems
  ) -> Value? {
    let words = Value.allCases.map(name)
    if let text = node.text, let value = Value.allCases.first(where: { name($0) == text }) { return value }
    let otherwise = "write \(words.dropLast().joined(separator: ", ")) or \(words.last ?? "")"
    let advice = node.text.map { Suggestion.advice(for: $0, among: words, otherwise: otherwise) } ?? "; \(otherwise)"
    problems.add(node.line, "\(place) is \(node.kind)\(advice)")
    return nil
  }

  /// The elements of a list that has at least one element and at most `limit`.
  package func list(_ key: String, limit: Int, mayBeEmpty: Bool = false) -> [Node]? {
    guard let node = self[key] else { return nil }
    guard let elements = node.elements else {
      problems.add(node.line, "\(path(key)) is \(node.kind); write a list")
      return nil
    }
    if elements.isEmpty, !mayBeEmpty { problems.add(node.line, "\(path(key)) is empty; add to it or leave it out") }
    guard elements.count <= limit else {
      problems.add(node.line, "\(path(key)) has \(elements.count) elements; at most \(limit) fit")
      return nil
    }
    return elements
  }

  /// A list of texts, each once.
  package func texts(_ key: String, limit: Int, mayBeEmpty: Bool = false) -> [(text: String, line: Int)]? {
    guard let nodes = list(key, limit: limit, mayBeEmpty: mayBeEmpty) else { return nil }
    var seen: Set<String> = []
    var texts: [(text: String, line: Int)] = []
    for (index, node) in nodes.enumerated() {
      guard let text = Self.text(node, "\(path(key))[\(index)]", problems) else { continue }
      if !seen.insert(text).inserted {
        problems.add(node.line, "\(path(key)) names \(quoted(text)) twice; remove one")
      }
      texts.append((text, node.line))
    }
    return texts
  }

  /// A list of a type's words, each once.
  package func words<Value: CaseIterable & Hashable>(_ key: String, _ name: (Value) -> String) -> [Value]? {
    guard let nodes = list(key, limit: Value.allCases.count * 2) else { return nil }
    var seen: Set<Value> = []
    var values: [Value] = []
    for (index, node) in nodes.enumerated() {
      guard let value = Self.word(node, "\(path(key))[\(index)]", name, problems) else { continue }
      if seen.insert(value).inserted {
        values.append(value)
      } else {
        problems.add(node.line, "\(path(key)) names \(name(value)) twice; remove one")
      }
    }
    return values
  }

  /// A mapping below this one; nil also if it is empty, which is reported.
  package func section(_ key: String, keys: [String]) -> Fields? {
    guard let node = self[key] else { return nil }
    guard let fields = Fields(node, path(key), keys: keys, problems) else { return nil }
    guard node.entries?.isEmpty == false else {
      problems.add(node.line, "\(path(key)) is empty; add to it or leave it out")
      return nil
    }
    return fields
  }
}
