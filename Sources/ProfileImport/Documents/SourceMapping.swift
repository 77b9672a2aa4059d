import Policy
import YAML

/// A mapping of a document that becomes a profile. Keys that nobody asked for are told as lost by `finish`.
///
/// Values of a wrong type are problems. Null counts as absent, as in Kubernetes.
final class SourceMapping {
  let node: Node
  /// Where it stands: `spec.process`. Empty: it is the document.
  let place: String
  let notes: ImportNotes
  private var asked: Set<String> = []

  /// nil: `node` is no mapping.
  init?(_ node: Node, _ place: String, _ notes: ImportNotes) {
    guard node.entries != nil else {
      notes.problems.add(node.line, "\(place.isEmpty ? "the document" : place) is \(node.kind); a mapping is expected")
      return nil
    }
    (self.node, self.place, self.notes) = (node, place, notes)
  }

  var line: Int { node.line }
  var keys: [String] { node.entries?.map(\.key) ?? [] }

  func path(_ key: String) -> String { place.isEmpty ? key : "\(place).\(key)" }

  func line(of key: String) -> Int { node.entries?.first { $0.key == key }?.line ?? node.line }

  /// nil: it is absent or null.
  subscript(key: String) -> Node? {
    asked.insert(key)
    guard let value = node[key], !value.isNull else { return nil }
    return value
  }

  /// Keys that mean nothing for a profile: docs/profile-import.md names them.
  func pass(_ keys: String...) { asked.formUnion(keys) }

  /// A key that cannot be carried over.
  func lose(_ key: String, _ text: String) {
    if self[key] != nil { notes.lost(line(of: key), path(key), text) }
  }

  /// Tells each key that nobody asked for.
  func finish() {
    for entry in node.entries ?? [] where !asked.contains(entry.key) {
      let advice = Suggestion.nearest(to: entry.key, among: asked.sorted()).map { "; did you mean \"\($0)\"?" }
      notes.lost(
        entry.line, path(printable(entry.key)),
        "this key is not known here\(advice ?? "; look up what it does, and write it in the profile by hand")")
    }
  }
}

extension SourceMapping {
  func text(_ key: String) -> String? { self[key].flatMap { text($0, path(key)) } }

  /// A number or boolean without quotes is taken as it is written.
  func text(_ node: Node, _ place: String) -> String? {
    if case .scalar(let text, _) = node.value, !node.isNull { return text }
    notes.problems.add(node.line, "\(place) is \(node.kind); a text is expected")
    return nil
  }

  func bool(_ key: String) -> Bool {
    guard let node = self[key] else { return false }
    if let value = node.bool { return value }
    notes.problems.add(node.line, "\(path(key)) is \(node.kind); true or false is expected")
    return false
  }

  /// The elements with their places.
  func list(_ key: String) -> [(node: Node, place: String)] {
    guard let node = self[key] else { return [] }
    guard let elements = node.elements else {
      notes.problems.add(node.line, "\(path(key)) is \(node.kind); a list is expected")
      return []
    }
    return elements.enumerated().map { ($0.element, "\(path(key))[\($0.offset)]") }
  }

  func mapping(_ key: String) -> SourceMapping? { self[key].flatMap { SourceMapping($0, path(key), notes) } }

  func mappings(_ key: String) -> [SourceMapping] {
    list(key).compactMap { SourceMapping($0.node, $0.place, notes) }
  }

  func texts(_ key: String) -> [(text: String, line: Int, place: String)] {
    list(key).compactMap { element in
      text(element.node, element.place).map { ($0, element.node.line, element.place) }
    }
  }

  /// A mapping of texts.
  func pairs(_ key: String) -> [(key: String, value: String)] {
    guard let labels = mapping(key) else { return [] }
    return labels.keys.compactMap { key in labels.text(key).map { (key, $0) } }
  }
}
