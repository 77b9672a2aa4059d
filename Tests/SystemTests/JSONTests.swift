import System
import Testing

@Suite struct JSONTests {
  @Test("members keep their order and nest")
  func nesting() {
    let value: JSON = ["b": 1, "a": ["x", true, .null], "c": ["d": .unsigned(.max)]]
    #expect(value.text == #"{"b":1,"a":["x",true,null],"c":{"d":18446744073709551615}}"#)
  }

  @Test(
    "what would break a line or steer a terminal is escaped",
    arguments: [
      ("\"\\", #""\"\\""#), ("a\nb\tc\r", #""a\nb\tc\r""#), ("\u{1b}[31m", #""\u001b[31m""#),
      ("\0\u{7f}", #""\u0000\u007f""#), ("\u{80}\u{9b}2J\u{9f}\u{a0}", "\"\\u0080\\u009b2J\\u009f\u{a0}\""),
      ("é漢", "\"é漢\""),
    ])
  func escapes(text: String, json: String) {
    #expect(JSON.string(text).text == json)
  }
}
