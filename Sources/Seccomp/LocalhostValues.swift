import Policy
import YAML

/// Reads nodes by type, keeps what is wrong and goes on. Null counts as absent.
extension LocalhostProfile {
  struct Members {
    var node: Node
    var values: [String: Node] = [:]
    /// Whether there is an unknown key. A misspelt key may stand for one that is missing.
    var hasUnknown = false
    var isMapping: Bool { node.entries != nil }
    subscript(key: String) -> Node? { values[key] }
  }

  func location(_ node: Node) -> Location { Location(file: file, line: node.line) }

  func refuse(_ node: Node, _ text: String) { faults.add(.refused(location(node), text)) }

  func check(_ words: [String], _ lines: [Int], in known: [String], what: String) {
    for (word, line) in zip(words, lines) {
      let place = Location(file: file, line: line)
      faults.value { () throws(SeccompError) in try FilterWords.check(word, in: known, what: what, at: place) }
    }
  }

  func members(_ node: Node, _ known: [String]) -> Members {
    var members = Members(node: node)
    guard let entries = node.entries else {
      refuse(node, "found \(found(node)), expected an object")
      return members
    }
    for entry in entries {
      if !known.contains(entry.key) { members.hasUnknown = true }
      check([entry.key], [entry.line], in: known, what: "key")
      if !entry.value.isNull { members.values[entry.key] = entry.value }
    }
    return members
  }

  /// A text that must be there.
  func required(_ key: String, _ members: Members, _ missing: String) -> (text: String, line: Int)? {
    guard let node = members[key] else {
      if members.isMapping, !members.hasUnknown { refuse(members.node, missing) }
      return nil
    }
    return text(node).map { ($0, node.line) }
  }

  func elements(_ node: Node?) -> [Node] {
    guard let node else { return [] }
    if node.elements == nil { refuse(node, "found \(found(node)), expected a list") }
    return node.elements ?? []
  }

  func text(_ node: Node) -> String? {
    if node.text == nil { refuse(node, "found \(found(node)), expected a text") }
    return node.text
  }

  func texts(_ node: Node?) -> (texts: [String], lines: [Int]) {
    let found = elements(node).compactMap { element in text(element).map { ($0, element.line) } }
    return (found.map(\.0), found.map(\.1))
  }

  /// 0 if absent, as in the Go structs that these files are made for.
  func unsigned(_ node: Node?) -> UInt64? {
    guard let node else { return 0 }
    if node.unsigned == nil {
      refuse(node, "found \(found(node)), expected a whole number from 0 to \(UInt64.max)")
    }
    return node.unsigned
  }

  /// - Parameters:
  ///   - key: the key of the number.
  ///   - nameKey: the key of the name, which Podman writes beside the number.
  func errno(_ members: Members, _ key: String, _ nameKey: String, of action: String?) -> UInt32? {
    let number = members[key].flatMap(errno)
    let named = members[nameKey].flatMap(namedErrno)
    if let number, let named, number != named, let node = members[nameKey] {
      refuse(node, "\(nameKey) is \(named), and \(key) is \(number); remove one of them")
    }
    guard let value = number ?? named, let action else { return nil }
    if FilterAction.words.contains(action), !FilterAction.wordsWithErrno.contains(action) {
      let node = members[key] ?? members[nameKey] ?? members.node
      faults.note(location(node), "the errno is left out, as the runtime ignores it: \(action) has none")
      return nil
    }
    return value
  }

  func errno(_ node: Node) -> UInt32? {
    guard let value = unsigned(node) else { return nil }
    let number = UInt32(exactly: value)
    if number == nil { refuse(node, "found \(found(node)), expected an errno from 0 to \(FilterAction.errnoMax)") }
    return number
  }

  /// Podman also takes a number in quotes. An empty text counts as absent.
  func namedErrno(_ node: Node) -> UInt32? {
    guard let name = text(node), !name.isEmpty else { return nil }
    if let number = UInt32(name) ?? ErrnoNames.number(of: name) { return number }
    faults.add(
      .unknown(
        location(node), what: "errno", word: name,
        advice: Suggestion.advice(for: name, among: ErrnoNames.all, otherwise: "errno(3) lists the names")))
    return nil
  }

  /// What stands here, in JSON's words.
  func found(_ node: Node) -> String {
    node.entries == nil ? node.isNull ? "null" : node.kind : "an object"
  }
}
