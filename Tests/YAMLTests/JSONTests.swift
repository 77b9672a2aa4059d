import Testing
import YAML

private func refusal(_ text: String) -> String? {
  do { _ = try Node.parseJSON(Array(text.utf8), file: "a.json") } catch { return error.description }
  return nil
}

private func parse(_ text: String) throws -> Node {
  try #require(try Node.parseJSON(Array(text.utf8), file: "a.json"))
}

@Suite struct JSONReaderTests {
  @Test(
    "what is no JSON is told in words that say what to do",
    arguments: [
      // Commas and colons.
      ("{\"a\": 1\n \"b\": 2}", "2: a comma is missing before \"b\""),
      ("[1 2]", "1: a comma is missing before 2"),
      ("{\"a\": [1,\n 2,\n]}", "2: a comma before the ] that closes; remove it"),
      ("{\"a\": 1,}", "1: a comma before the } that closes; remove it"),
      ("[,1]", "1: , where a value belongs"),
      ("[1,,2]", "1: , where a value belongs"),
      ("{\"a\" 1}", "1: a colon is missing after the key \"a\""),
      ("{\"a\":}", "1: } where a value belongs"),
      ("{\"a\": ", "1: the end of the file where a value belongs"),
      // Brackets.
      ("{\"a\": [1,\n 2}", "2: the [ of line 1 is closed by }; write ]"),
      ("[{\n]", "2: the { of line 1 is closed by ]; write }"),
      ("{\n\"a\": [1]\n", "1: the { is never closed; add }"),
      ("[1]]", "1: ] after the end of the value; one file holds one value"),
      ("{}\n{}", "2: { after the end of the value; one file holds one value"),
      // Texts.
      ("{defaultAction: 1}", "1: defaultAction where a key in double quotes belongs"),
      ("{1: 1}", "1: 1 where a key in double quotes belongs"),
      ("['a']", "1: ' where a value belongs; texts are in \""),
      ("[\n\"a\n]", "2: a text that does not end on its line; close it with \", and write a line break as \\n"),
      ("[\"a", "1: a text that is never closed; add \" at its end"),
      ("[\"a\tb\"]", "1: a control character in a text; write \\u0009"),
      ("[\"\\d\"]", "1: the escape \\d, which JSON does not have; write \\\\ for a backslash"),
      ("[\"\\u12\"]", "1: an escape \\u without four hexadecimal digits; write all of them"),
      ("[\"\\ud83d\"]", "1: the escape \\ud83d is only half of a character; write both halves"),
      ("[\"\\ud83d\\u0041\"]", "1: the escape \\ud83d is only half of a character; write both halves"),
      ("[\"\\ude00\"]", "1: the escape \\ude00 is only half of a character; write both halves"),
      ("[\"\\u0000\"]", "1: a NUL character (\\u0000); remove it"),
      // Words and numbers.
      ("[True]", "1: True is no value of JSON; put a text in double quotes"),
      ("[SCMP_ACT_ALLOW]", "1: SCMP_ACT_ALLOW is no value of JSON; put a text in double quotes"),
      ("[01]", "1: 01 is no number of JSON; write decimal digits, without + and without a zero before them"),
      ("[0x1f]", "1: 0x1f is no number of JSON; write decimal digits, without + and without a zero before them"),
      ("[+1]", "1: +1 is no number of JSON; write decimal digits, without + and without a zero before them"),
      ("[1.]", "1: 1. is no number of JSON; write decimal digits, without + and without a zero before them"),
      ("[1e]", "1: 1e is no number of JSON; write decimal digits, without + and without a zero before them"),
      // What others allow.
      ("[1, // one\n2]", "1: a comment, which JSON does not have; remove it"),
      ("# a\n{}", "1: a comment, which JSON does not have; remove it"),
      ("{\"a\": 1,\n\"a\": 2}", "2: the key \"a\" is already at line 1; remove one of them"),
      ("defaultAction: SCMP_ACT_ALLOW", "1: defaultAction is no value of JSON; put a text in double quotes"),
    ])
  func told(text: String, message: String) { #expect(refusal(text) == "a.json:" + message) }

  @Test("values, lines and types are those of the same text in YAML")
  func values() throws {
    let text = "{\"a\": [1, -2.5e3, true, null,\n \"x\"],\n \"b\": {\"c\": \"\"}, \"d\": [], \"e\": {}}"
    #expect(try parse(text) == (try Node.parse(text, file: "a.json")))
  }

  @Test(
    "escapes, pairs of halves and a byte order mark are read",
    arguments: [
      (#"["a\/b\"\\\n\té"]"#, "a/b\"\\\n\té"), (#"["\ud83d\ude00\u00E9"]"#, "\u{1f600}\u{e9}"),
      (#"["\udbff\udfff"]"#, "\u{10ffff}"), (#"["\\ud83d"]"#, "\\ud83d"), ("\u{feff}[\"x\"]", "x"),
    ])
  func texts(text: String, value: String) throws { #expect(try parse(text).elements?.first?.text == value) }

  @Test("an empty text has no value", arguments: ["", " \n\t", "\u{feff}"])
  func empty(text: String) throws { #expect(try Node.parseJSON(Array(text.utf8), file: "a.json") == nil) }

  @Test("a text may be nested so deeply and have so many values, and no more")
  func limits() {
    func nested(_ depth: Int) -> String { String(repeating: "[", count: depth) + String(repeating: "]", count: depth) }
    #expect(refusal(nested(Node.depthMax)) == nil)
    #expect(refusal(nested(Node.depthMax + 1)) == "a.json:1: nested deeper than 32 levels")
    func many(_ count: Int) -> String { "[" + [String](repeating: "1", count: count).joined(separator: ",") + "]" }
    #expect(refusal(many(Node.nodesMax - 1)) == nil)
    #expect(refusal(many(Node.nodesMax)) == "a.json:1: more than 100000 values")
  }

  @Test("wherever a text is cut or changed, what is told is one line about a line of the text")
  func everyChange() {
    let text = Array("{\n \"a\": [1, \"\\ud83d\\ude00 é\", {\"b\": null}],\n \"c\": -2.5e+3\n}\n".utf8)
    for position in text.indices {
      var changed = [Array(text[..<position])]
      for byte in "\t \n:,-{}[]\"'/\\u1#\u{1}\u{80}".utf8 {
        changed += [
          text[..<position] + [byte] + text[position...], text[..<position] + [byte] + text[(position + 1)...],
        ]
      }
      for bytes in changed {
        do throws(YAMLError) { _ = try Node.parseJSON(bytes, file: "a.json") } catch {
          let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
          #expect((1...lines).contains(error.line) && !error.problem.contains("\n"), "\(error)")
        }
      }
    }
  }
}
