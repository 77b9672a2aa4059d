import CYAML

extension Node {
  /// Longest text that is read.
  package static let fileMaxBytes = 1 << 20
  /// Deepest nesting of sequences and mappings.
  package static let depthMax = 32
  /// Most scalars, sequences and mappings, keys not counted.
  package static let nodesMax = 100_000

  /// Reads the one document of a YAML or JSON text; nil: there is none.
  ///
  /// - Parameter file: for messages only.
  package static func parse(_ bytes: [UInt8], file: String) throws(YAMLError) -> Node? {
    guard bytes.count <= fileMaxBytes else { throw .tooLarge(file: file, bytes: bytes.count) }
    let text = try Encoding.text(bytes, file: file)
    do { return try Parser(text, file: file).document() } catch {
      // JSON writes a character outside of Unicode's first plane as two halves. YAML does not know these.
      guard let joined = Encoding.joiningSurrogates(text) else { throw error }
      return try Parser(joined, file: file).document()
    }
  }

  package static func parse(_ text: String, file: String) throws(YAMLError) -> Node? {
    try parse(Array(text.utf8), file: file)
  }

  /// Reads the documents of a YAML text, which `---` divides. Empty ones are left out. The limits are those of one
  /// document.
  package static func parseDocuments(_ bytes: [UInt8], file: String) throws(YAMLError) -> [Node] {
    guard bytes.count <= fileMaxBytes else { throw .tooLarge(file: file, bytes: bytes.count) }
    return try Parser(try Encoding.text(bytes, file: file), file: file).documents()
  }
}

/// Builds nodes from libyaml's events. Owns the C parser and the bytes that it reads.
private final class Parser {
  private let file: String
  private let bytes: UnsafeMutableBufferPointer<UInt8>
  private let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
  private var nodes = 0

  /// yaml_parser_set_input_string
  init(_ bytes: [UInt8], file: String) throws(YAMLError) {
    self.file = file
    self.bytes = .allocate(capacity: bytes.count)
    _ = self.bytes.initialize(from: bytes)
    guard yaml_parser_initialize(parser) == 1 else {
      self.bytes.deallocate()
      parser.deallocate()
      throw .malformed(file: file, line: 1, problem: "no memory for the parser")
    }
    // The encoding is set explicitly, so that a byte order mark cannot make UTF-16 of it.
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, self.bytes.baseAddress, bytes.count)
  }

  deinit {
    yaml_parser_delete(parser)
    parser.deallocate()
    bytes.deallocate()
  }

  func document() throws(YAMLError) -> Node? {
    _ = try next()  // The start of the stream.
    guard let root = try nextDocument() else { return nil }
    let after = try next()
    guard after.type == YAML_STREAM_END_EVENT else {
      throw problem(after.line, "a second document; one file holds one document")
    }
    return root
  }

  func documents() throws(YAMLError) -> [Node] {
    _ = try next()  // The start of the stream.
    var documents: [Node] = []
    while let root = try nextDocument() {
      if !root.isNull { documents.append(root) }
    }
    return documents
  }

  /// nil: the stream ends.
  private func nextDocument() throws(YAMLError) -> Node? {
    guard try next().type == YAML_DOCUMENT_START_EVENT else { return nil }
    let root = try node(try next(), depth: 0)
    _ = try next()  // The end of the document.
    return root
  }

  private func node(_ event: Event, depth: Int) throws(YAMLError) -> Node {
    nodes += 1
    guard nodes <= Node.nodesMax else { throw problem(event.line, "more than \(Node.nodesMax) values") }
    switch event.type {
    case YAML_SCALAR_EVENT:
      return Node(.scalar(text: event.text, isQuoted: event.isQuoted), line: event.line)
    case YAML_SEQUENCE_START_EVENT:
      return Node(.sequence(try sequence(depth: try deeper(depth, event.line))), line: event.line)
    default:
      return Node(.mapping(try mapping(depth: try deeper(depth, event.line))), line: event.line)
    }
  }

  private func deeper(_ depth: Int, _ line: Int) throws(YAMLError) -> Int {
    guard depth < Node.depthMax else { throw problem(line, "nested deeper than \(Node.depthMax) levels") }
    return depth + 1
  }

  private func sequence(depth: Int) throws(YAMLError) -> [Node] {
    var elements: [Node] = []
    while true {
      let event = try next()
      if event.type == YAML_SEQUENCE_END_EVENT { return elements }
      elements.append(try node(event, depth: depth))
    }
  }

  private func mapping(depth: Int) throws(YAMLError) -> [Node.Entry] {
    var entries: [Node.Entry] = []
    var lines: [String: Int] = [:]
    while true {
      let event = try next()
      if event.type == YAML_MAPPING_END_EVENT { return entries }
      guard event.type == YAML_SCALAR_EVENT else { throw problem(event.line, "a key that is not a text") }
      if let first = lines.updateValue(event.line, forKey: event.text) {
        throw problem(event.line, "the key \(quoted(event.text)) is already at line \(first); remove one of them")
      }
      entries.append(.init(key: event.text, line: event.line, value: try node(try next(), depth: depth)))
    }
  }
}

extension Parser {
  /// The parts of a yaml_event_t that are used, copied.
  private struct Event {
    var type: yaml_event_type_t
    var line: Int
    var text = ""
    var isQuoted = false
  }

  /// yaml_parser_parse
  private func next() throws(YAMLError) -> Event {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
    defer { yaml_event_delete(&event) }
    var copy = Event(type: event.type, line: event.start_mark.line + 1)
    switch event.type {
    case YAML_ALIAS_EVENT:
      throw problem(copy.line, "an alias (*); write the value out")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      try refuse(anchor: scalar.anchor, tag: scalar.tag, line: copy.line)
      copy.text = String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self)
      copy.isQuoted = scalar.style != YAML_PLAIN_SCALAR_STYLE
      guard !copy.text.utf8.contains(0) else { throw problem(copy.line, "a NUL character (\\0); remove it") }
    case YAML_SEQUENCE_START_EVENT:
      try refuse(anchor: event.data.sequence_start.anchor, tag: event.data.sequence_start.tag, line: copy.line)
    case YAML_MAPPING_START_EVENT:
      try refuse(anchor: event.data.mapping_start.anchor, tag: event.data.mapping_start.tag, line: copy.line)
    default: break
    }
    return copy
  }

  private func refuse(
    anchor: UnsafeMutablePointer<UInt8>?, tag: UnsafeMutablePointer<UInt8>?, line: Int
  ) throws(YAMLError) {
    if let anchor {
      throw problem(line, "the anchor \(quoted("&" + String(cString: anchor))); write the value out where it is used")
    }
    if let tag { throw problem(line, "the tag \(quoted(String(cString: tag))); remove it") }
  }

  private func syntaxError() -> YAMLError {
    var fault = SyntaxFault(parser.pointee)
    // A reader's error has an offset instead of a line.
    if parser.pointee.error == YAML_READER_ERROR {
      fault.mark = .init(
        line: bytes.prefix(parser.pointee.problem_offset).count { $0 == UInt8(ascii: "\n") }, column: 0)
    }
    let advice = SyntaxAdvice(fault, in: bytes)
    return problem(advice.line, advice.message)
  }

  private func problem(_ line: Int, _ text: String) -> YAMLError {
    .malformed(file: file, line: line, problem: text)
  }
}
