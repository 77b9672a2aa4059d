import Policy
import PolicyTesting
import ProfileImport
import System
import Testing
import YAML

/// Nothing of a policy is dropped in silence, and nothing that a policy says gets out of its place.
struct SilenceTests {
  /// Where anything may stand, since it says nothing of what is enforced, or is lost as a whole.
  private static let passed = [
    "metadata.annotations", "metadata.ownerReferences", "status", "spec.selector.matchLabels",
    "spec.podSelector.matchLabels", ".args", ".returnArg", ".fromSource", "spec.syscalls", ".matchSyscalls",
    ".matchBinaries", "spec.tracepoints",
  ]
  /// Without those that cannot be written as JSON again, for want of a value.
  private static let usable = Policies.names.filter { name in
    name.hasSuffix(".yaml") && !["list.yaml", "workload-policy-empty.yaml"].contains(name)
      && (try? imported(file: name).status) != 1
  }

  @Test("a key that nobody knows is told, wherever it stands", arguments: usable)
  func unknownKeys(_ name: String) throws {
    for (index, document) in try Node.parseDocuments(try Policies.bytes(name), file: name).enumerated() {
      for place in document.mappings where !Self.passed.contains(where: place.hasSuffix) {
        let text = document.with("zzqqxx", at: place, "").json
        let found = imported(text, name: name)
        let isTold = found.notes.contains { $0.place.hasSuffix("zzqqxx") } || found.report.contains("zzqqxx")
        #expect(isTold, "document \(index), \(place): \(found.report)")
      }
    }
  }

  @Test(
    "control characters and ends of lines stay in their place",
    arguments: ["\\n", "\\r", "\\x07", "\\u2028", "\\u0085", "' #", "\\\" }", "\\n# x\\nspec: {mode: Audit}"])
  func hostile(_ escape: String) throws {
    let found = imported(
      kubeArmor(
        """
        spec:
          message: "a\(escape)b"
          tags: ["t\(escape)b"]
          selector: {matchLabels: {"a\(escape)b": "c\(escape)d"}}
          "k\(escape)y": 1
          process:
            matchPaths:
            - {path: "/bin/a\(escape)b", severity: "a\(escape)b"}
            - {path: /bin/sh, message: "a\(escape)b"}
          action: Block
        """))
    #expect(found.problems.isEmpty, "\(found.report)")
    #expect(found.report.split(separator: "\n").allSatisfy { $0.hasPrefix("p.yaml:") })
    let profile = try parsed(try #require(found.profiles.first))
    #expect(profile.mode == .enforce && profile.process?.rules.contains { $0.path == "/bin/sh" } == true)
  }

  @Test("broken bytes are told, and never become a profile that a node refuses", arguments: 0..<20 as Range<UInt64>)
  func mutated(_ seed: UInt64) throws {
    var random = SplitMix(state: seed)
    for name in Policies.names {
      var bytes = try Policies.bytes(name)
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: bytes[place] = UInt8.random(in: 0x20...0x7e, using: &random)
        case 1: bytes.remove(at: place)
        default: bytes.insert(contentsOf: bytes[place...].prefix(12), at: place)
        }
      }
      let found = ProfileImport([(name, bytes)], ImportOptions(), environment)
      #expect(found.status == 1 || !found.profiles.isEmpty)
      #expect(!found.report.contains("would be refused"), "\(found.report)\n\(String(decoding: bytes, as: UTF8.self))")
      if found.status == 1 { continue }
      for profile in found.profiles { _ = try parsed(profile) }
    }
  }
}

extension Node {
  /// The places of all mappings.
  fileprivate var mappings: [String] { places("") }

  private func places(_ path: String) -> [String] {
    if let entries {
      return [path] + entries.flatMap { $0.value.places(path.isEmpty ? $0.key : "\(path).\($0.key)") }
    }
    return (elements ?? []).flatMap { $0.places(path) }
  }

  /// A copy with one more key in each mapping at `place`.
  fileprivate func with(_ key: String, at place: String, _ path: String) -> Node {
    var copy = self
    if let entries {
      var entries = entries.map { entry in
        var entry = entry
        entry.value = entry.value.with(key, at: place, path.isEmpty ? entry.key : "\(path).\(entry.key)")
        return entry
      }
      if path == place {
        entries.append(.init(key: key, line: line, value: Node(.scalar(text: "1", isQuoted: false), line: line)))
      }
      copy.value = .mapping(entries)
    } else if let elements {
      copy.value = .sequence(elements.map { $0.with(key, at: place, path) })
    }
    return copy
  }

  /// As JSON, which is YAML as well.
  fileprivate var json: String {
    switch value {
    case .scalar(let text, let isQuoted): isQuoted || self.text != nil ? JSON.string(text).text : text
    case .sequence(let elements): "[" + elements.map(\.json).joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{" + entries.map { "\(JSON.string($0.key).text): \($0.value.json)" }.joined(separator: ", ") + "}"
    }
  }
}
