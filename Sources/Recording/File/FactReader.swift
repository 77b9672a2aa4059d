import Policy
import YAML

/// Facts, and what they consist of.
extension RecordingReader {
  /// One list of facts; those that are no mapping are reported and left out.
  func facts(_ fields: Fields, _ key: String, keys: [String]) -> [Fields] {
    (fields.list(key, limit: RecordingFile.factsMax) ?? []).enumerated().compactMap { index, node in
      Fields(node, "\(key)[\(index)]", keys: keys, problems)
    }
  }

  func add<Fact, Value>(_ found: (Fact, Value)?, to facts: inout [Fact: Value], _ fields: Fields) {
    guard let (fact, value) = found else { return }
    if facts.updateValue(value, forKey: fact) != nil { reportRepeated(fields) }
  }

  func reportRepeated(_ fields: Fields) {
    problems.add(fields.line, "\(fields.place) says the same as an earlier one; remove it")
  }

  func counted<Fact>(_ fields: Fields, _ fact: Fact?) -> (Fact, UInt64)? {
    let count = count(fields)
    return fact.flatMap { fact in count.map { (fact, $0) } }
  }

  func count(_ fields: Fields) -> UInt64? { required(fields, "count") { fields.unsigned($0) } }

  func required<Value>(_ fields: Fields, _ key: String, _ read: (String) -> Value?) -> Value? {
    fields.require(key, "it, as stockade writes it")
    return read(key)
  }

  func word(_ fields: Fields, _ key: String, _ isKnown: (String) -> Bool) -> String? {
    guard let text = required(fields, key, { fields.text($0) }) else { return nil }
    if isKnown(text) { return text }
    problems.add(fields.line(of: key), "\(fields.path(key)) is \(quoted(text)), which is no name that stockade writes")
    return nil
  }

  private static let nameMaxBytes = 64

  static func isName(_ text: String) -> Bool {
    (1...nameMaxBytes).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        byte == UInt8(ascii: "_") || Character(UnicodeScalar(byte)).isASCII && Character(UnicodeScalar(byte)).isLetter
          || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      }
  }

  /// A text that may be empty.
  func shortText(_ fields: Fields, _ key: String) -> String? {
    guard let node = required(fields, key, { fields[$0] }), let found = bytes(node, fields.path(key)) else {
      return nil
    }
    if found.count <= Self.textMaxBytes, let text = String(validating: found, as: UTF8.self) { return text }
    problems.add(node.line, "\(fields.path(key)) is no text of at most \(Self.textMaxBytes) bytes; write a shorter one")
    return nil
  }

  private func bytes(_ node: Node, _ place: String) -> [UInt8]? {
    guard case .scalar(let text, true) = node.value else {
      problems.add(node.line, "\(place) is \(node.kind); write a text in quotes")
      return nil
    }
    let bytes = ByteText.bytes(of: text)
    if bytes == nil { problems.add(node.line, "\(place) has a backslash that begins no \\xNN; write \\x5c for it") }
    return bytes
  }

  func path(_ fields: Fields, isFileless: Bool = false) -> [UInt8]? {
    guard let node = required(fields, "path", { fields[$0] }), let path = bytes(node, fields.path("path")) else {
      return nil
    }
    let isLong = path.count > ProcessSection.pathMaxBytes
    if !isLong, isFileless || Self.isResolved(path) { return path }
    problems.add(
      node.line,
      "\(fields.path("path")) is \(quoted(ByteText.written(path))); write a path from the root as the kernel has it, "
        + "without //, . and .. and a slash at its end, of at most \(ProcessSection.pathMaxBytes) bytes")
    return nil
  }

  private static func isResolved(_ path: [UInt8]) -> Bool {
    let slash = UInt8(ascii: "/")
    return path == [slash]
      || path.first == slash && path.last != slash && PathSyntax.componentProblem(path) == nil
  }

  func file(_ fields: Fields) -> Recording.File? {
    let isFileless = fields.bool("fileless") ?? false
    let isNew = fields.bool("new") ?? false
    return path(fields, isFileless: isFileless).map { .init(path: $0, isNew: isNew, isFileless: isFileless) }
  }

  func exec(_ fields: Fields) -> Recording.Exec? {
    let arguments = fields.list("arguments", limit: Self.argumentsMax, mayBeEmpty: true)?.enumerated().compactMap {
      bytes($0.element, "\(fields.path("arguments"))[\($0.offset)]")
    }
    let isEntrypoint = fields.bool("entrypoint") ?? false
    return file(fields).map { .init(file: $0, isEntrypoint: isEntrypoint, arguments: arguments) }
  }

  func port(_ fields: Fields) -> Recording.Port? {
    let hasTransport = fields.has("protocol")
    let transport: PortRule.TransportProtocol? = fields.word("protocol", \.rawValue)
    guard let port = required(fields, "port", { fields.integer($0, in: 0...65535) }), !hasTransport || transport != nil
    else { return nil }
    return Recording.Port(transport: transport, port: UInt16(port))
  }

  func connection(_ fields: Fields) -> Recording.Connection? {
    let direction: Recording.Direction? = required(fields, "direction") { fields.word($0, \.rawValue) }
    let port = port(fields)
    guard let text = required(fields, "address", { fields.text($0) }) else { return nil }
    guard let address = CIDR.address(text) else {
      problems.add(fields.line(of: "address"), "\(fields.path("address")) is \(quoted(text)), which is no IP address")
      return nil
    }
    return direction.flatMap { direction in port.map { .init(direction: direction, address: address, port: $0) } }
  }
}
