import System

/// What a written file says beside its values. A place is the path of a key or element, as in messages:
/// `spec.process.rules[3]`.
package struct YAMLComments: Equatable, Sendable {
  /// Above the whole file.
  package var head: [String] = []
  /// In lines of their own above a key or element.
  package var above: [String: [String]] = [:]
  /// Behind a key or element. If the line would be too long, the comment stands above.
  package var beside: [String: String] = [:]

  package init() {}
}

/// Writes a tree as YAML for people: what is short stands in brackets, what is long in lines of its own.
package struct YAMLWriter {
  /// The most columns of a line, unless one text is longer.
  package static let columns = 120

  private let comments: YAMLComments
  /// Never in brackets.
  private let blocks: Set<String>
  /// Places with a comment somewhere within.
  private let commented: Set<String>
  private var output = ""

  /// - Parameter blocks: the places whose mapping stands in lines of its own, however short it is.
  package static func text(_ members: [(String, JSON)], comments: YAMLComments, blocks: Set<String> = []) -> String {
    var writer = YAMLWriter(comments, blocks)
    for text in comments.head { writer.comment(text, indent: 0) }
    writer.write(members, at: "", indent: 0, lead: "")
    return writer.output
  }

  private init(_ comments: YAMLComments, _ blocks: Set<String>) {
    (self.comments, self.blocks) = (comments, blocks)
    commented = Set((Array(comments.above.keys) + comments.beside.keys).flatMap(Self.outer))
  }

  /// The places around a place: `spec`, `spec.process` and `spec.process.rules` of `spec.process.rules[3]`.
  private static func outer(of place: String) -> [String] {
    place.indices.filter { place[$0] == "." || place[$0] == "[" }.map { String(place[..<$0]) }
  }

  // MARK: Lines

  /// - Parameter lead: what stands before the first key: spaces, or a dash.
  private mutating func write(_ members: [(String, JSON)], at path: String, indent: Int, lead: String) {
    for (index, (key, value)) in members.enumerated() {
      let place = path.isEmpty ? key : "\(path).\(key)"
      for text in comments.above[place] ?? [] { comment(text, indent: indent) }
      let head = "\(index == 0 ? lead : Self.spaces(indent))\(key):"
      if let flow = flow(value, at: place), Self.length(head) + 1 + Self.length(flow) <= Self.columns {
        line("\(head) \(flow)", place)
      } else {
        write(behind: head, value, at: place, indent: indent)
      }
    }
  }

  /// What does not fit behind its key.
  private mutating func write(behind head: String, _ value: JSON, at place: String, indent: Int) {
    switch value {
    case .object(let members):
      line(head, place)
      write(members, at: place, indent: indent + 2, lead: Self.spaces(indent + 2))
    case .array(let elements) where elements.contains(where: \.isMapping):
      line(head, place)
      write(elements, at: place, indent: indent)
    case .array(let elements): fill(head, elements, place, indent: indent + 2)
    default: line("\(head) \(Self.brackets(value))", place)
    }
  }

  private mutating func write(_ elements: [JSON], at path: String, indent: Int) {
    for (index, element) in elements.enumerated() {
      let place = "\(path)[\(index)]"
      for text in comments.above[place] ?? [] { comment(text, indent: indent) }
      let dash = Self.spaces(indent) + "- "
      let flow = Self.brackets(element)
      if case .object(let members) = element,
        commented.contains(place) || Self.length(dash) + Self.length(flow) > Self.columns
      {
        if let text = comments.beside[place] { comment(text, indent: indent) }
        write(members, at: place, indent: indent + 2, lead: dash)
      } else {
        line(dash + flow, place)
      }
    }
  }

  /// As many elements in a line as fit.
  private mutating func fill(_ head: String, _ elements: [JSON], _ place: String, indent: Int) {
    if let text = comments.beside[place] { comment(text, indent: indent - 2) }
    var current = head + " ["
    for (index, element) in elements.enumerated() {
      let word = Self.brackets(element) + (index + 1 == elements.count ? "]" : ",")
      let isFirst = index == 0
      if !isFirst, Self.length(current) + 1 + Self.length(word) > Self.columns {
        output += current + "\n"
        current = Self.spaces(indent) + word
      } else {
        current += (isFirst ? "" : " ") + word
      }
    }
    output += current + "\n"
  }

  private mutating func line(_ text: String, _ place: String) {
    guard let beside = comments.beside[place] else { return output += text + "\n" }
    let notes = ScalarText.comment(beside, columns: Self.columns)
    let whole = "\(text) \(notes[0])"
    if notes.count == 1, Self.length(whole) <= Self.columns { return output += whole + "\n" }
    comment(beside, indent: text.prefix { $0 == " " }.count)
    output += text + "\n"
  }

  private mutating func comment(_ text: String, indent: Int) {
    for line in ScalarText.comment(text, columns: Self.columns - indent) { output += Self.spaces(indent) + line + "\n" }
  }

  // MARK: Brackets

  /// The value in one line; nil: it needs lines of its own.
  private func flow(_ value: JSON, at place: String) -> String? {
    guard !commented.contains(place), !blocks.contains(place) else { return nil }
    switch value {
    case .object(let members) where members.contains(where: { $0.1.isMapping || $0.1.isList }): return nil
    case .array(let elements) where elements.contains(where: \.isMapping): return nil
    default: return Self.brackets(value)
    }
  }

  /// The value in one line, however long it is.
  package static func brackets(_ value: JSON) -> String {
    switch value {
    case .string(let text): ScalarText.written(text)
    case .array(let elements): "[" + elements.map(brackets).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { "\(ScalarText.written($0.0)): \(brackets($0.1))" }.joined(separator: ", ") + "}"
    default: value.text
    }
  }

  private static func length(_ text: String) -> Int { text.unicodeScalars.count }

  private static func spaces(_ count: Int) -> String { String(repeating: " ", count: count) }
}

extension JSON {
  fileprivate var isMapping: Bool { if case .object = self { true } else { false } }
  fileprivate var isList: Bool { if case .array = self { true } else { false } }
}
