@testable import System

@testable import TOML
@testable import YAML

extension Target {
  /// YAML. Written and read again, a tree is the same tree.
  static let yaml = Target(
    name: "yaml", files: [Folder(path: "config/profiles", suffix: ".yaml"), Folder(path: "config", suffix: ".yaml")],
    samples: {
      ["a: &x [1, *x]", "? k\n: |\n  a\n b", "{\"a\": \"\\ud83d\\ude00\"}", "- 'é'\n- ~\n- 0x1f"].map { Array($0.utf8) }
    }
  ) { input in
    _ = try? Node.parseDocuments(input, file: "fuzz.yaml")
    guard let node = try? Node.parse(input, file: "fuzz.yaml") else { return }
    requireLimits(node)
    guard let json = JSON(node) else { return }
    require(read(json.yaml) == json, "\(json.text) is written as\n\(json.yaml)")
    // The writer for people writes mappings whose keys are words.
    guard case .object(let members) = json, json.hasWords else { return }
    let written = YAMLWriter.text(members, comments: YAMLComments())
    require(read(written) == json, "\(json.text) is written as\n\(written)")
  }

  /// JSON. Written and read again, a value is the same value, by the reader of YAML too.
  static let json = Target(
    name: "json", files: [Folder(path: "Tests/SeccompTests/Shapes", suffix: ".json")],
    samples: { [#"{"a": [1, -0.5e3, true, null, "\u00e9\ud83d\ude00\n"], "b": {}}"#].map { Array($0.utf8) } }
  ) { input in
    guard let node = try? Node.parseJSON(input, file: "fuzz.json") else { return }
    requireLimits(node)
    guard let json = JSON(node) else { return }
    let again = try? Node.parseJSON(Array(json.text.utf8), file: "again.json")
    require(again.flatMap { JSON($0) } == json, "written as \(json.text)")
    require(read(json.text) == json, "as YAML, \(json.text) is another value")
  }

  /// TOML, of containerd's configuration.
  static let toml = Target(
    name: "toml", files: [Folder(path: "Tests/DoctorTests/Containerd", suffix: ".toml")],
    samples: { ["a.b = 0x1F\n[[t]]\nx = {y = [1, 'z']}", "s = \"\"\"\n\\u00e9\\\n  x\"\"\""].map { Array($0.utf8) } }
  ) { input in
    do throws(TOMLError) {
      let read = try TOML.parse(input)
      require(depth(read) <= 3 * TOML.depthMax, "nested deeper than the limit")
    } catch {
      let lines = 1 + input.count { $0 == 10 }
      require((1...lines).contains(error.line), "an error on line \(error.line) of \(lines)")
    }
  }

  private static func depth(_ value: TOML) -> Int {
    switch value {
    case .array(let elements): 1 + (elements.map(depth).max() ?? 0)
    case .table(let entries): 1 + (entries.values.map(depth).max() ?? 0)
    default: 0
    }
  }

  private static func requireLimits(_ node: Node) {
    var (count, rest) = (0, [(node, 0)])
    while let (next, depth) = rest.popLast() {
      count += 1
      require(depth <= Node.depthMax, "nested deeper than the limit")
      rest += (next.elements ?? []).map { ($0, depth + 1) } + (next.entries ?? []).map { ($0.value, depth + 1) }
    }
    require(count <= Node.nodesMax, "more values than the limit")
  }

  private static func read(_ yaml: String) -> JSON? {
    (try? Node.parse(Array(yaml.utf8), file: "again.yaml")).flatMap { JSON($0) }
  }
}

extension JSON {
  /// Whether all keys are words.
  fileprivate var hasWords: Bool {
    switch self {
    case .object(let members):
      members.allSatisfy { key, value in
        !key.isEmpty && key.utf8.allSatisfy { 97...122 ~= $0 } && value.hasWords
      }
    case .array(let elements): elements.allSatisfy { $0.hasWords }
    default: true
    }
  }

  /// nil: some number of it cannot be written.
  fileprivate init?(_ node: Node) {
    if let entries = node.entries {
      let members = entries.compactMap { entry in JSON(entry.value).map { (entry.key, $0) } }
      if members.count < entries.count { return nil }
      self = .object(members)
    } else if let elements = node.elements {
      let values = elements.compactMap { JSON($0) }
      if values.count < elements.count { return nil }
      self = .array(values)
    } else if let text = node.text {
      self = .string(text)
    } else if let bool = node.bool {
      self = .bool(bool)
    } else if let integer = node.integer {
      self = .integer(integer)
    } else if node.isNull {
      self = .null
    } else {
      return nil
    }
  }
}
