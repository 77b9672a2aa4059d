import Glibc
import System
import Testing

@testable import TOML

@Suite struct TOMLTests {
  @Test("values are had by their keys, each by its own kind")
  func values() throws {
    let toml = try TOML.parse("a.'b c' = [\"x\", 'y']\nd = true\n[e]\nf = 'g'\n")
    #expect(toml["a"]?["b c"]?.strings == ["x", "y"])
    #expect(toml["d"]?.boolean == true && toml["d"]?.string == nil)
    #expect(toml["e"]?["f"]?.string == "g" && toml["e"]?["nosuch"] == nil && toml["d"]?["f"] == nil)
    #expect(try TOML.parse("a = ['x', 1]")["a"]?.strings == nil)
  }

  @Test(
    "an error names the line and what is wrong there",
    arguments: [
      ("a = 1\nb\n", "line 2: \"=\" has to come here, and byte 10 comes"),
      ("a = 1\n\n[t]\na = 'x\n", "line 4: the quote that ends the text has to come here, and byte 10 comes"),
      ("a = [\n1,\n2", "line 3: the text ends where \",\" or \"]\" has to come"),
      ("[a]\n[a]\n", "line 2: a has a value already, so it cannot be a table here"),
      ("[a]\n[[a]]\n", "line 2: a has a value already, so it cannot be an array of tables here"),
      ("a.b = 1\na = 2\n", "line 2: a has a value already"),
      ("a = {b = 1}\na.c = 2\n", "line 2: a.c adds to what is defined already"),
      ("a = 2024-01-01\n", "line 1: \"2024-01-01\" is no value that is read; texts stand in quotes"),
      ("a = yes\n", "line 1: \"yes\" is no value that is read; texts stand in quotes"),
      ("a = 9223372036854775808", "line 1: \"9223372036854775808\" is no value that is read; texts stand in quotes"),
      ("\na = \"\\x41\"", "line 2: a backslash begins an escape that TOML does not have"),
      ("a = 1 b = 2", "line 1: the end of the line has to come here, and \"b\" comes"),
      ("# \u{1}\n", "line 1: a comment has a control character"),
    ])
  func errors(text: String, message: String) {
    let error = #expect(throws: TOMLError.self) { try TOML.parse(text) }
    #expect(error?.description == message)
  }

  @Test("an array of as many tables as a text holds is read")
  func manyTables() throws {
    let count = 20_000
    let text = String(repeating: "[[a]]\n", count: count)
    guard case .array(let tables) = try TOML.parse(text)["a"] else {
      Issue.record("a is no array")
      return
    }
    #expect(tables.count == count)
  }

  @Test("invalid UTF-8 is refused with its line")
  func encoding() {
    let error = #expect(throws: TOMLError.self) { try TOML.parse(Array("a = 1\n# ".utf8) + [0xff, 0x0a]) }
    #expect(error == TOMLError(line: 2, problem: "invalid UTF-8"))
  }

  @Test("a text at the limit is read, a longer one is not")
  func size() throws {
    let text = "#" + String(repeating: "x", count: TOML.textMaxBytes - 1)
    #expect(try TOML.parse(text) == .table([:]))
    #expect(throws: TOMLError.self) { try TOML.parse(text + "x") }
  }

  @Test(
    "nesting at the limit is read, a deeper one is not",
    arguments: [("a = ", "[", "]"), ("a = ", "{b = ", "}"), ("", "a.", ""), ("[", "a.", "")])
  func depth(start: String, open: String, close: String) throws {
    func text(_ depth: Int) -> String {
      let isKey = close.isEmpty
      let count = isKey ? depth - 1 : depth
      let inner = isKey ? (start == "[" ? "a]" : "a = 1") : (open == "[" ? "" : "1")
      return start + String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }
    // The value inside of the tables counts as well.
    let deepest = open == "{b = " ? TOML.depthMax - 1 : TOML.depthMax
    _ = try TOML.parse(text(deepest))
    let error = #expect(throws: TOMLError.self) { try TOML.parse(text(deepest + 1)) }
    #expect(error?.problem.contains("\(TOML.depthMax)") == true, "\(error as Any)")
  }
}
