import Testing
import YAML

@Suite struct SyntaxTests {
  @Test(
    "what is no YAML is told in words that say what to do",
    arguments: [
      // Tabs.
      ("a:\n\tb: 1\n", "2: a tab where YAML takes spaces only; indent with spaces"),
      ("a:\n  b: 1\n\tc: 2\n", "3: a tab where YAML takes spaces only; indent with spaces"),
      ("-\ta: 1\n", "1: a tab where YAML takes spaces only; indent with spaces"),
      ("a: |\n\tb\n", "2: a tab where YAML takes spaces only; indent with spaces"),
      // Indentation.
      (
        "a: b\n  c: d\n",
        "2: indented deeper than line 1, which has its value already; align it with the line it belongs beside"
      ),
      (
        "a:\n    b: 1\n  c: 2\n", "3: indented by 2, which fits no line above; align it with the line it belongs beside"
      ),
      (" a: 1\nb: 2\n", "2: this is not indented as the first line is; align it with that one"),
      (
        "a:\n  - b\n  c: d\n",
        "3: this stands among the elements of the list that begins at line 2 and has no -; begin it with \"- \", "
          + "or indent it as the key it belongs beside"
      ),
      (
        "a:\n - b\n- c\n",
        "3: a list element (-) beside keys; put it below the key whose list it is of, aligned with that list's others"
      ),
      ("a: - b\n", "1: a list element (-) behind a key or value; begin a new line for it"),
      // Colons.
      ("a:1\nb: 2\n", "1: no space after the colon; write a: 1"),
      ("x:\n  b: 2\n  a:/bin/sh\n", "3: no space after the colon; write a: /bin/sh"),
      (
        "x:\n  b: 2\n  a\n  c: 1\n", "3: \"a\" is no \"key: value\"; add the colon and a space, or remove it"
      ),
      (
        "a: b: c # d",
        "1: the value has a colon that would begin a mapping in it; put it in quotes: \"b: c\""
      ),
      (
        "a: \"b\": c\n",
        "1: text follows the quote that closes the value; remove it, or put all of it in one pair of quotes"
      ),
      ("a: fd00::\n", "1: the value has a colon that would begin a mapping in it; put it in quotes: \"fd00::\""),
      ("{a: ::1/128, b: c}", "1: a value that begins with a colon; put it in quotes: \"::1/128\""),
      ("[::1/128]", "1: a value that begins with a colon; put it in quotes: \"::1/128\""),
      ("{a:[b], c: d}", "1: no space after the colon; write a: ["),
      ("{a:{b: c}}", "1: no space after the colon; write a: {"),
      ("a: @\"b\"\n", "1: a value that begins with @; put it in quotes: '@\"b\"'"),
      ("a: @\\d\n", "1: a value that begins with @; put it in quotes: '@\\d'"),
      ("a: @'\"\n", "1: a value that begins with @; put it in quotes"),
      ("{a: fd00::, b: c}", "1: a value that ends in a colon; put it in quotes: \"fd00::\""),
      ("a: 1\nb: {\n", "2: the text ends within brackets; add what closes them"),
      ("[1,, 2]", "1: a value is missing before ,; add it, or remove what separates it"),
      // Brackets.
      ("a: {b: c\nd: e\n", "1: the { is never closed; add }"),
      ("a:\n- [b, c\n", "2: the [ is never closed; add ]"),
      ("a: {b: c, d: [e}\n", "1: the [ of line 1 is closed by }; write ] before it"),
      (
        "{\"a\": 1 \"b\": 2}",
        "1: a comma, colon or quote is missing before \": 2\", or the } of the {"
      ),
      (
        "{\"a\": 1,\n \"b\" 2}", "2: a comma, colon or quote is missing before \"2\", or the } of the { of line 1"
      ),
      ("a: [b]]\n", "1: a ] that closes nothing; remove it, or add what opens it"),
      ("{\"a\": 1}}", "1: a } that closes nothing; remove it, or add what opens it"),
      // Quotes.
      ("a: 1\nb: \"c\nd: e\n", "2: the \" is never closed; add the other one at the end of the text"),
      ("a: 'b\n---\n", "1: the ' is never closed; add the other one at the end of the text"),
      (
        "a: \"b\" c\n",
        "1: \"c\" after the end of a value; put the whole value in quotes, or close the quote that began before"
      ),
      (
        "a: \"\\d+\"\n", "1: the escape \\d has no meaning in double quotes; write \\\\d, or use single quotes"
      ),
      (
        "a: \"\\ud83d\\ude00\"\n",
        "1: the escape \\ud83d is no character, or only half of one; write the character itself"
      ),
      (
        "{\"a\": \"\\ude00\"}\n",
        "1: the escape \\ude00 is no character, or only half of one; write the character itself"
      ),
      ("a: \"\\x1\"\n", "1: an escape with too few hexadecimal digits; write all of them"),
      // Characters.
      ("a: @b # c\n", "1: a value that begins with @; put it in quotes: \"@b\""),
      ("{a: `b`, c: d}\n", "1: a value that begins with `; put it in quotes: \"`b`\""),
      ("a: %b\n", "1: a value that begins with %; put it in quotes: \"%b\""),
      ("a: */b\n", "1: a value that begins with *; put it in quotes: \"*/b\""),
      ("a: [&]\n", "1: a value that begins with &; put it in quotes: \"&\""),
      ("a: |x\n", "1: a value that begins with |; put it in quotes: \"|x\""),
      ("a: ? b\n", "1: a value that begins with ?; put it in quotes: \"? b\""),
      ("%b\n", "1: a value that begins with %; put it in quotes: \"%b\""),
      ("a: b\nc: \u{1}d\n", "2: a control character; remove it"),
    ])
  func told(text: String, message: String) {
    #expect(refusal(Array(text.utf8)) == "a.yaml:" + message)
  }

  @Test("wherever a text is cut or changed, what is told is one line about a line of the text")
  func everyChange() throws {
    let text = Array(
      """
      # A profile.
      spec:
        mode: "Aud\\u0069t"
        rules:
        - {path: '/bin/sh', action: Block, list: [a, "b:c", ::1/128]}
        - path: >-
            folded
          text: |
            kept \u{e9}
        other: fd00::/8
      """.utf8)
    var told: Set<String> = []
    for position in text.indices {
      told.formUnion(try check(Array(text[..<position])))
      for byte in "\t \n:,-{}[]\"'@%*&!|>?#\\\u{1}".utf8 {
        told.formUnion(try check(text[..<position] + [byte] + text[position...]))
        told.formUnion(try check(text[..<position] + [byte] + text[(position + 1)...]))
      }
    }
    #expect(told.count > 40)
  }

  /// The message, if the text is refused, without its line.
  private func check(_ bytes: [UInt8]) throws -> [String] {
    do throws(YAMLError) { _ = try Node.parse(bytes, file: "a.yaml") } catch {
      let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
      #expect((1...lines).contains(error.line) && !error.problem.contains("\n"), "\(error)")
      return [error.problem]
    }
    return []
  }

  @Test("a line that ends in a carriage return too is no other line")
  func carriageReturns() {
    #expect(refusal(Array("a: 1\r\nb:2\r\nc: 3\r\n".utf8)) == "a.yaml:2: no space after the colon; write b: 2")
  }

  @Test(
    "another encoding is told by its name",
    arguments: [
      [0xff, 0xfe, 0x61, 0x00], [0xfe, 0xff, 0x00, 0x61], [0x61, 0x00, 0x3a, 0x00], [0x00, 0x61, 0x00, 0x3a],
    ] as [[UInt8]])
  func wide(bytes: [UInt8]) {
    #expect(refusal(bytes) == "a.yaml:1: the file is UTF-16 or UTF-32; save it as UTF-8")
  }

  @Test("libyaml's own words follow ours only where nothing better is known")
  func unknown() {
    #expect(
      refusal(Array("---\n%YAML 1.1\n---\n".utf8))?.hasPrefix("a.yaml:2: ") == true)
  }

  private func refusal(_ bytes: [UInt8]) -> String? {
    do { _ = try Node.parse(bytes, file: "a.yaml") } catch { return error.description }
    return nil
  }
}
