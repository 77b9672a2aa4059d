import Glibc
import System
import Testing

@testable import TOML

/// Whether a text is TOML, and what it says, by Python's tomllib: JSON with floats as text, or null.
private enum Oracle {
  static let python = "/usr/bin/python3"

  static let isThere =
    ((try? ProgramRun(python, arguments: ["python3", "-c", "import tomllib"], seconds: 30).status) == 0)

  private static let script = """
    import json, sys, tomllib
    def plain(value):
        if isinstance(value, dict): return {key: plain(inner) for key, inner in value.items()}
        if isinstance(value, list): return [plain(inner) for inner in value]
        if isinstance(value, float): return "float " + ("nan" if value != value else value.hex())
        return "text " + value if isinstance(value, str) else value
    for text in json.load(open(sys.argv[1], encoding="utf-8")):
        try: print(json.dumps(plain(tomllib.loads(text)), sort_keys=True, ensure_ascii=True))
        except tomllib.TOMLDecodeError: print("null")
    """

  /// A line for each text.
  static func read(_ texts: [String]) throws -> [String] {
    let file = "/tmp/stockade-toml-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
    defer { unlink(file) }
    try Files.write(JSON.array(texts.map(JSON.string)).text, to: file)
    let run = try ProgramRun(python, arguments: ["python3", "-c", script, file], seconds: 60)
    try #require(run.status == 0, "\(run.error)")
    return run.output.split(separator: "\n").map(String.init)
  }
}

extension TOML {
  /// As the oracle writes it.
  fileprivate var oracleText: String {
    switch self {
    case .string(let value): Self.quoted("text " + value)
    case .integer(let value): String(value)
    case .float(let value): Self.quoted("float " + Self.hexadecimal(value))
    case .boolean(let value): String(value)
    case .array(let elements): "[" + elements.map(\.oracleText).joined(separator: ", ") + "]"
    case .table(let entries):
      "{"
        + entries.sorted { $0.key.unicodeScalars.lexicographicallyPrecedes($1.key.unicodeScalars) }
        .map { "\(Self.quoted($0.key)): \($0.value.oracleText)" }.joined(separator: ", ") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var output = ""
    for unit in text.utf16 {
      switch unit {
      case 8: output += "\\b"
      case 9: output += "\\t"
      case 10: output += "\\n"
      case 12: output += "\\f"
      case 13: output += "\\r"
      case 34: output += "\\\""
      case 92: output += "\\\\"
      case 32..<127: output += String(UnicodeScalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        output += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
    return "\"\(output)\""
  }

  /// Python's float.hex().
  private static func hexadecimal(_ value: Double) -> String {
    guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
    let sign = value.sign == .minus ? "-" : ""
    if value == 0 { return sign + "0x0.0p+0" }
    let digits = String(value.significandBitPattern, radix: 16)
    let exponent = value.isNormal ? Int(value.exponentBitPattern) - 1023 : -1022
    let whole = value.isNormal ? "1" : "0"
    let zeros = String(repeating: "0", count: 13 - digits.count)
    return "\(sign)0x\(whole).\(zeros)\(digits)p\(exponent < 0 ? "" : "+")\(exponent)"
  }
}

/// Texts that are TOML, or nearly. Dates and integers over 64 bits are not among them: tomllib reads those.
private let oddTexts: [String] = [
  "", "\n", "\r\n", "\r", " \t \n", "# comment", "#\n#\r\n#\t\n", "# \u{7f}", "# \u{0}", "\u{feff}a = 1",
  "a = 1", "a=1", "a = 1 # c", "a = 1 b = 2", "a = 1, b = 2", "= 1", "a", "a =", "a = \n1", "a.b = 1", "a . b = 1",
  "a.\nb = 1",
  "a..b = 1", ".a = 1", "a. = 1", "a-b_9 = 1", "9 = 1", "1.2 = 3", "ä = 1", "\"ä\" = 1", "'a' = 1", "\"\" = 1",
  "'' = 1",
  "\"a\\u0062\" = 1", "\"a\nb\" = 1", "\"\"\"a\"\"\" = 1", "'''a''' = 1", "a.\"b.c\".'d e' = 1", "a b = 1", "true = 1",
  "a = 1\na = 2", "a = 1\na.b = 2", "a.b = 1\na = 2", "a.b = 1\na.b = 2", "a.b = 1\na.c = 2", "a.b.c = 1\na.d = 2",
  "\"a\" = 1\na = 2", "a = 0", "a = +0", "a = -0", "a = 01", "a = -01", "a = +99", "a = 1_000", "a = _1", "a = 1_",
  "a = 1__0",
  "a = 0x1F", "a = 0xdead_BEEF", "a = 0x", "a = 0x_1", "a = +0x1", "a = -0x1", "a = 0o17", "a = 0o8", "a = 0b101",
  "a = 0b2",
  "a = 0X1", "a = 9223372036854775807", "a = -9223372036854775808", "a = 1.", "a = .5", "a = 1.5", "a = -1.5",
  "a = 1.5e3",
  "a = 1e5", "a = 1E-5", "a = 1e+5", "a = 1e", "a = 1e+", "a = 1.e5", "a = 1.5e", "a = 0e0", "a = 00.5", "a = 0.5",
  "a = 1_0.0_1e1_0",
  "a = 1_.5", "a = 1._5", "a = 1.5_", "a = 1e_5", "a = 1e5_", "a = inf", "a = +inf", "a = -inf", "a = nan", "a = +nan",
  "a = -nan", "a = Inf",
  "a = NaN", "a = infinity", "a = 1e400", "a = 1e-400", "a = 4.9e-324", "a = 2.2250738585072014e-308", "a = 0.1",
  "a = -0.0",
  "a = 1.7976931348623157e308", "a = 1.5.2", "a = 1e5e5", "a = 1e5.5", "a = - 1", "a = --1", "a = +-1", "a = true",
  "a = false",
  "a = True", "a = truex", "a = true1", "a = tru", "a = true#c", "a = 1#c", "a = null", "a = yes", "a = 'x'y", "a = ٣",
  "a = \"\"", "a = ''", "a = \"x\"", "a = \"\\\"\"", "a = \"\\\\\"", "a = \"\\b\\t\\n\\f\\r\"",
  "a = \"\\u00e9\\U0001F600\"", "a = \"\\uD800\"",
  "a = \"\\U00110000\"", "a = \"\\u12\"", "a = \"\\u12g4\"", "a = \"\\UFFFFFFFF\"", "a = \"\\x41\"", "a = \"\\e\"",
  "a = \"\\/\"", "a = \"\\'\"", "a = \"\\ \"",
  "a = \"x", "a = 'x", "a = \"x\n\"", "a = 'x\n'", "a = \"\t\"", "a = '\t'", "a = \"\u{1}\"", "a = '\u{1}'",
  "a = \"\u{7f}\"", "a = '\\'", "a = 'it''s'",
  "a = \"\\\"", "a = \"é€😀\"", "a = '\"'", "a = \"'\"", "a = \"\u{0}\"", "a = \"\r\"",
  "a = \"\"\"\"\"\"", "a = \"\"\"x\"\"\"", "a = \"\"\"\nx\"\"\"", "a = \"\"\"\r\nx\r\ny\"\"\"", "a = \"\"\"\n\nx\"\"\"",
  "a = \"\"\"x\"\"\"\"", "a = \"\"\"x\"\"\"\"\"",
  "a = \"\"\"x\"\"\"\"\"\"", "a = \"\"\"\"x\"\"\"", "a = \"\"\"\"\"x\"\"\"", "a = \"\"\"x\"y\"\"z\"\"\"",
  "a = \"\"\"x\"\"", "a = \"\"\"x\"", "a = \"\"\"x",
  "a = \"\"\"x\\\n   y\"\"\"", "a = \"\"\"x\\   \n\n\t y\"\"\"", "a = \"\"\"x\\ y\"\"\"", "a = \"\"\"\\\n\"\"\"",
  "a = \"\"\"\\\r\n  x\"\"\"", "a = \"\"\"x\\\"\"\"\"", "a = \"\"\"\\\\\"\"\"",
  "a = \"\"\"\u{1}\"\"\"", "a = \"\"\"\r\"\"\"", "a = \"\"\"\\u0041\\q\"\"\"", "a = '''x'''", "a = '''\nx\\\ny'''",
  "a = '''x''''", "a = '''x'''''", "a = '''x''''''",
  "a = ''''x'''", "a = '''x''y'z'''", "a = '''x''", "a = '''\u{7f}'''", "a = '''\r\n\r\n'''", "a = '''a\rb'''",
  "a = \"\"\"a\\", "a = \"\"\"a\\\n",
  "a = []", "a = [ ]", "a = [\n]", "a = [1]", "a = [1,]", "a = [,]", "a = [1,,2]", "a = [,1]", "a = [1 2]", "a = [1",
  "a = [", "a = [1,\n# c\n2, # d\n]",
  "a = [1 # c\n, 2]", "a = [1, 'x', true, 1.5, [], {}]", "a = [[1], [[2]]]", "a = ['#']", "a = [1]]", "a = [[]",
  "a = [true,false]", "a = [b]", "a = [\r\n1\r\n]",
  "a = {}", "a = { }", "a = {b = 1}", "a = {b = 1, c = 2}", "a = {b = 1,}", "a = {,}", "a = {b = 1\n}", "a = {\nb = 1}",
  "a = {b = [\n1\n]}", "a = {b.c = 1, b.d = 2}",
  "a = {b = 1, b = 2}", "a = {b = 1, b.c = 2}", "a = {b.c = 1, b = 2}", "a = {b = {c = 1}, b.d = 2}",
  "a = {b = [], b.c = 1}", "a = {b = 1 c = 2}", "a = {b}", "a = {b =}",
  "a = {b = 1", "a = {", "a = {} # c", "a = {b = 1 # c\n}", "a = {'b c' = 1}", "a = {b = {c = {d = {}}}}",
  "a = {b.c.d = 1, b.c.e = 2}",
  "a = {b = 1}\na.c = 2", "a = {b = 1}\n[a]", "a = {b = 1}\n[a.c]", "a = {b = 1}\n[[a.c]]", "a = {b = {}}\n[a.b.c]",
  "a = []\n[[a]]", "a = []\n[a]", "a = [{}]\n[a.b]", "a = [{b = 1}]\n[[a]]",
  "a = [{}]\na.b = 1", "[a]", "[a]\nb = 1", "[ a . b ]", "[a.b]\nc = 1", "[a", "[a]]", "[]", "[.a]", "[a.]", "[a]x",
  "[a] # c", "[a] b = 1", "['a b'.\"c\"]", "[\na]", "[a\n]",
  "[a]\n[a]", "[a]\n[b]\n[a]", "[a.b]\n[a]", "[a]\n[a.b]", "[a.b]\n[a]\n[a.b]", "[a.b]\n[a.c]", "[a]\nb = 1\n[a.b]",
  "[a]\nb = {}\n[a.b]", "[a]\nb.c = 1\n[a.b]", "[a]\nb.c = 1\n[a.b.d]", "[a]\nb.c = 1\n[a.b.c]",
  "[a.b.c]\n[a]\nb.d = 1", "[a.b]\n[a]\nb.c = 1", "[a.b.c.d]\n[a]\nb.c.e = 1", "[a]\nb.c = 1\nb.d = 2",
  "[a]\nb.c = 1\n[e]\n[a.b]", "a.b = 1\n[a]", "a.b = 1\n[a.c]", "a.b = 1\n[x]\n[a.c]", "a.b.c = 1\n[a.b]",
  "a.b.c = 1\n[a.d]",
  "[x]\na = 1\n[y]\na = 1", "a = 1\n[a]", "a = 1\n[a.b]", "a = 1\n[[a]]", "[a]\n[a.b]\n[[a.b]]", "[[a]]",
  "[[a]]\n[[a]]", "[[a]]\nb = 1\n[[a]]\nb = 2", "[[a]]\n[a]", "[a]\n[[a]]", "[[a]]\n[a.b]\n[a.b]",
  "[[a]]\n[a.b]\nc = 1\n[[a]]\n[a.b]\nc = 2", "[[a]]\n[[a.b]]\n[[a.b]]\n[[a]]\n[[a.b]]", "[[a.b]]\n[a]",
  "[[a.b]]\n[a.b]", "[[a.b]]\n[a.b.c]", "[a.b]\n[[a]]", "[[a]]\n[a.b.c]\n[[a.b]]", "[[a]", "[[a] ]", "[ [a]]",
  "[[ a . b ]]", "[[]]", "[[a]]x",
  "[[a.b]]\nx = 1\n[a]\nb.c = 2", "[[a]]\nb.c = 1\n[[a]]\nb.c = 2", "[[a]]\nb.c = 1\n[a.b]", "[[a]]\nb = 1\n[a.b]",
  "[[a]]\n[a.b]\n[a]\n", "[a]\nb = []\n[[a.b]]", "[[a]]\nb = [{c = 1}]\n[[a.b]]", "[a.b.c]\n[a.b]\n[a]",
  "[a]\nx.y = 1\n[a.x.z]\n[a]",
  "[a]\n[a.b]\nc.d = 1\n[a.b.c]", "a = 1\nb.a = 2\n[b]", "[a.b]\nx = 1\n[a]\ny = 2\n[a.b.c]\nz = 3",
  "a.b.c = 1\n[a]\nb.d = 2", "a = {b = 1}\n[c]\na = 1",
  "[plugins]\n  [plugins.'x.y']\n    a = []\n    [plugins.'x.y'.z]\n      b = ''",
]

@Suite(.enabled(if: Oracle.isThere, "needs Python's tomllib"))
struct TOMLOracleTests {
  private func compare(_ texts: [String]) throws {
    let expected = try Oracle.read(texts)
    try #require(expected.count == texts.count)
    for (text, expected) in zip(texts, expected) {
      let read: String
      do throws(TOMLError) { read = try TOML.parse(text).oracleText } catch {
        read = "null"
      }
      #expect(read == expected, "\(JSON.string(text).text)")
    }
  }

  @Test("odd texts are read, or refused, as Python's tomllib does")
  func odd() throws {
    #expect(oddTexts.count > 300)
    try compare(oddTexts)
  }

  /// Statements that meet each other in all ways.
  @Test("each three statements after another are read, or refused, as Python's tomllib does")
  func triples() throws {
    let statements = [
      "a = 1", "a.b = 1", "a.b.c = 1", "b = {c = 1}", "b = [{}]", "[a]", "[a.b]", "[a.b.c]", "[[a]]", "[[a.b]]", "[b]",
    ]
    var texts: [String] = []
    for first in statements {
      for second in statements { for third in statements { texts.append("\(first)\n\(second)\n\(third)\n") } }
    }
    try compare(texts)
  }

  @Test("texts that random changes were made to are read, or refused, as Python's tomllib does")
  func changed() throws {
    var random = SeededGenerator(state: 20)
    let pieces = [
      "\"", "'", "\\", "\n", "\r\n", "[", "]", "{", "}", ".", ",", "=", "#", " ", "1", "_", "e", "-", "+", "a",
      "\"\"\"", "'''",
    ]
    let texts = (0..<4000).map { _ in
      var text = Array(oddTexts.randomElement(using: &random) ?? "")
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        let place = Int.random(in: 0...text.count, using: &random)
        if Bool.random(using: &random), place < text.count {
          text.remove(at: place)
        } else {
          text.insert(contentsOf: pieces.randomElement(using: &random) ?? "", at: place)
        }
      }
      return String(text)
    }
    try compare(texts)
  }
}

/// The same numbers each time. splitmix64.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var bits = state
    bits = (bits ^ (bits >> 30)) &* 0xbf58_476d_1ce4_e5b9
    bits = (bits ^ (bits >> 27)) &* 0x94d0_49bb_1331_11eb
    return bits ^ (bits >> 31)
  }
}
