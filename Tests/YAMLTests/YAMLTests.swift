import Testing
import YAML

/// The value, with the test failing where there is no document.
private func parse(_ text: String) throws -> Node { try #require(try Node.parse(text, file: "a.yaml")) }

@Suite struct Values {
  @Test("a mapping keeps the order of its keys and each line")
  func mapping() throws {
    let node = try parse("b: 1\n\na:\n- x\n- {c: d}\n")
    #expect(node.entries?.map(\.key) == ["b", "a"])
    #expect(node.entries?.map(\.line) == [1, 3])
    #expect(node["a"]?.elements?.map(\.line) == [4, 5])
    #expect(node["a"]?.elements?.last?["c"]?.text == "d")
  }

  @Test(
    "a plain scalar has one type",
    arguments: [
      ("12", "the number 12"), ("-1", "the number -1"), ("1.5", "the number 1.5"), ("1e3", "the number 1e3"),
      ("0x1F", "the number 0x1F"), (".inf", "the number .inf"),
      ("true", "the boolean true"), ("False", "the boolean False"),
      ("~", "nothing"), ("null", "nothing"), ("", "nothing"),
      ("yes", "the text \"yes\""), ("10.0.0.0", "the text \"10.0.0.0\""), ("10.0.0.0/8", "the text \"10.0.0.0/8\""),
      ("1-2", "the text \"1-2\""), ("-x", "the text \"-x\""), ("\"12\"", "the text \"12\""),
      ("'true'", "the text \"true\""),
      ("0xzz", "the text \"0xzz\""), ("1e", "the text \"1e\""), ("+-1", "the text \"+-1\""),
      ("12ab", "the text \"12ab\""),
    ])
  func kinds(text: String, kind: String) throws {
    #expect(try parse("k: \(text)")["k"]?.kind == kind)
  }

  @Test("numbers, booleans and texts are never taken for each other")
  func strict() throws {
    let node = try parse("{n: 7, t: \"7\", b: true, q: 'true', x: 0x10, big: 18446744073709551615, minus: -1}")
    #expect(node["n"]?.integer == 7 && node["n"]?.text == nil)
    #expect(node["t"]?.integer == nil && node["t"]?.text == "7")
    #expect(node["b"]?.bool == true && node["b"]?.text == nil)
    #expect(node["q"]?.bool == nil && node["q"]?.text == "true")
    #expect(node["x"]?.unsigned == 16 && node["x"]?.integer == nil)
    #expect(node["big"]?.unsigned == .max && node["big"]?.integer == nil)
    for text in ["033", "00", "-01", "08"] {
      let padded = try Node.parse(Array("n: \(text)\n".utf8), file: "a")?["n"]
      #expect(padded?.integer == nil && padded?.unsigned == nil && padded?.text == nil)
      #expect(padded?.kind == "the number \(text) with a zero before it, which some read as octal")
    }
    #expect(node["minus"]?.integer == -1 && node["minus"]?.unsigned == nil)
  }

  @Test(
    "the documents of a text are read, each with its lines, and empty ones are left out",
    arguments: [
      ("a: 1\n---\nb: 2\n", [1, 3]), ("---\na: 1\n...\n---\n---\n# nothing\n---\nb: 2\n", [2, 8]), ("# nothing\n", []),
    ])
  func documents(_ text: String, _ lines: [Int]) throws {
    #expect(try Node.parseDocuments(Array(text.utf8), file: "a.yaml").map(\.line) == lines)
  }

  @Test("an empty text and one of comments have no document", arguments: ["", "\n", "# nothing\n"])
  func empty(text: String) throws {
    #expect(try Node.parse(text, file: "a.yaml") == nil)
  }
}

@Suite struct JSONTexts {
  @Test("JSON as container engines write it parses, indented with tabs")
  func tabs() throws {
    let text = """
      {
      \t"defaultAction": "SCMP_ACT_ERRNO",
      \t"defaultErrnoRet": 1,
      \t"archMap": [
      \t\t{
      \t\t\t"architecture":\t"SCMP_ARCH_X86_64",
      \t\t\t"subArchitectures": [
      \t\t\t\t"SCMP_ARCH_X86",
      \t\t\t\t"SCMP_ARCH_X32"
      \t\t\t]
      \t\t}
      \t],
      \t"syscalls": [
      \t\t{
      \t\t\t"names": ["clone"],
      \t\t\t"action": "SCMP_ACT_ALLOW",
      \t\t\t"args": [{"index":0,"value":2114060288,"valueTwo":0,"op":"SCMP_CMP_MASKED_EQ"}],
      \t\t\t"comment": "",
      \t\t\t"includes": {},
      \t\t\t"excludes": {"caps": ["CAP_SYS_ADMIN"], "arches": []}
      \t\t}
      \t]
      }

      """
    let node = try parse(text)
    #expect(node["defaultErrnoRet"]?.integer == 1)
    let rule = try #require(node["syscalls"]?.elements?.first)
    #expect(rule.line == 14)
    #expect(rule["args"]?.elements?.first?["value"]?.unsigned == 2_114_060_288)
    #expect(rule["includes"]?.entries?.isEmpty == true)
    #expect(rule["excludes"]?["caps"]?.elements?.map(\.text) == ["CAP_SYS_ADMIN"])
  }

  @Test("JSON's escapes mean in YAML what they mean in JSON")
  func escapes() throws {
    #expect(try parse(#"{"k": "a\/b\"\\\n\té"}"#)["k"]?.text == "a/b\"\\\n\té")
  }

  @Test("a byte order mark is skipped, in YAML too", arguments: ["{\"k\": 1}", "k: 1\nl: 2\n"])
  func byteOrderMark(text: String) throws {
    #expect(try parse("\u{feff}" + text)["k"]?.integer == 1)
  }

  @Test(
    "a character that JSON writes as two escaped halves is read",
    arguments: [
      (#"{"k": "\ud83d\ude00"}"#, "\u{1f600}"), (#"["\\ud83d", {"k": "a\uD83D\uDE00b\u00e9"}]"#, "a\u{1f600}b\u{e9}"),
      (#"{"k": "\\ud83d\\ude00\ud83d\ude00"}"#, #"\ud83d\ude00"# + "\u{1f600}"),
      (#"{"k": "\udbff\udfff"}"#, "\u{10ffff}"),
    ])
  func surrogates(text: String, value: String) throws {
    let node = try parse(text)
    #expect((node.elements?.last ?? node)["k"]?.text == value)
  }

  @Test("a profile of a thousand rules in one line parses")
  func oneLine() throws {
    let rules = (0..<1000).map { "{\"names\":[\"s\($0)\"],\"action\":\"SCMP_ACT_ALLOW\"}" }.joined(separator: ",")
    #expect(try parse("{\"syscalls\":[\(rules)]}")["syscalls"]?.elements?.count == 1000)
  }
}

@Suite struct Refusals {
  @Test(
    "what makes a text unclear is refused with its line",
    arguments: [
      ("a: 1\nb: 2\na: 3", "a.yaml:3: the key \"a\" is already at line 1; remove one of them"),
      ("{\"a\": 1, \"\\u0061\": 2}", "a.yaml:1: the key \"a\" is already at line 1; remove one of them"),
      ("a: &x 1", "a.yaml:1: the anchor \"&x\"; write the value out where it is used"),
      ("a: 1\nb: &y {c: d}", "a.yaml:2: the anchor \"&y\"; write the value out where it is used"),
      ("&k a: 1", "a.yaml:1: the anchor \"&k\"; write the value out where it is used"),
      ("a: *x", "a.yaml:1: an alias (*); write the value out"),
      ("a: !!str 1", "a.yaml:1: the tag \"tag:yaml.org,2002:str\"; remove it"),
      ("a: ! x", "a.yaml:1: the tag \"!\"; remove it"),
      ("- !x [1]", "a.yaml:1: the tag \"!x\"; remove it"),
      ("[a]: 1", "a.yaml:1: a key that is not a text"),
      ("a: 1\n---\nb: 2", "a.yaml:2: a second document; one file holds one document"),
      ("a: \"x\\0y\"", "a.yaml:1: a NUL character (\\0); remove it"),
      ("\n\"a\\0\": 1", "a.yaml:2: a NUL character (\\0); remove it"),
      ("a: 1\nb: x\u{0}y", "a.yaml:2: a NUL byte; remove it"),
    ])
  func refused(text: String, message: String) {
    #expect(refusal(text) == message)
  }

  @Test(
    "invalid UTF-8 is refused with its line",
    arguments: [
      ([0x61, 0x3a, 0x20, 0xff], 1),
      ([0x61, 0x0a, 0x0a, 0xc3], 3),
      ([0x61, 0x0a, 0xed, 0xa0, 0x80], 2),  // a surrogate
    ] as [([UInt8], Int)])
  func encoding(bytes: [UInt8], line: Int) {
    #expect(throws: YAMLError.malformed(file: "b", line: line, problem: "invalid UTF-8; save the file as UTF-8")) {
      try Node.parse(bytes, file: "b")
    }
  }

  private func refusal(_ text: String) -> String? {
    do { _ = try Node.parse(text, file: "a.yaml") } catch { return error.description }
    return nil
  }
}

@Suite struct Limits {
  @Test("a file at the limit parses, a byte more is refused")
  func size() throws {
    let text = Array("a: 1\n#".utf8)
    let full = text + [UInt8](repeating: UInt8(ascii: "x"), count: Node.fileMaxBytes - text.count)
    #expect(try Node.parse(full, file: "a")?["a"]?.integer == 1)
    #expect(throws: YAMLError.tooLarge(file: "a", bytes: Node.fileMaxBytes + 1)) {
      try Node.parse(full + [UInt8(ascii: "x")], file: "a")
    }
  }

  @Test("nesting at the limit parses, a level more is refused", arguments: [("[", "]"), ("{a: ", "}")])
  func depth(open: String, close: String) throws {
    func nested(_ count: Int) -> String {
      String(repeating: open, count: count) + String(repeating: close, count: count)
    }
    #expect(try Node.parse(nested(Node.depthMax), file: "a") != nil)
    #expect(throws: YAMLError.malformed(file: "a", line: 1, problem: "nested deeper than 32 levels")) {
      try Node.parse(nested(Node.depthMax + 1), file: "a")
    }
  }

  @Test("as many values as the limit parse, one more is refused")
  func nodes() throws {
    func list(_ count: Int) -> String { "[" + String(repeating: "1,", count: count - 1) + "]" }
    #expect(try Node.parse(list(Node.nodesMax), file: "a")?.elements?.count == Node.nodesMax - 1)
    #expect(throws: YAMLError.malformed(file: "a", line: 1, problem: "more than 100000 values")) {
      try Node.parse(list(Node.nodesMax + 1), file: "a")
    }
  }
}

@Suite struct Quoting {
  @Test(
    "a quoted text stays one line and is cut",
    arguments: [
      ("a", "\"a\""), ("a\nb\u{1b}[0m", "\"a\\nb\\u{1B}[0m\""),
      (String(repeating: "x", count: 100), "\"\(String(repeating: "x", count: 100))\""),
      (String(repeating: "x", count: 101), "\"\(String(repeating: "x", count: 100))…\""),
    ])
  func quotes(text: String, expected: String) { #expect(quoted(text) == expected) }
}
