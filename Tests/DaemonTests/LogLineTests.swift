import Testing

@testable import Daemon

@Suite struct LogLineTests {
  @Test(
    "no value begins a line of its own or steers a terminal",
    arguments: [
      ("a\nb", "a\\nb"), ("\u{1b}[2J", "\\u001b[2J"), ("\u{9b}2J", "\\u009b2J"), ("\u{7f}", "\\u007f"), ("é", "é"),
      ("two words", "\"two words\""), ("", "\"\""),
    ])
  func escapes(value: String, text: String) {
    #expect(LogLine.text("message", ["key": "\(value)"]) == "message key=\(text)")
  }
}
