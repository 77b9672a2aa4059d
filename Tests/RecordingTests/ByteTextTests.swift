import PolicyTesting
import Testing

@testable import Recording

@Suite struct ByteTextTests {
  @Test(
    "what is no visible character is written byte by byte",
    arguments: [
      ("/usr/bin/nginx", "/usr/bin/nginx"), ("/a b", "/a b"), ("/ä", "/ä"), ("/a\nb", "/a\\x0ab"), ("\\", "\\x5c"),
      ("\\x41", "\\x5cx41"), ("\u{202e}", "\\xe2\\x80\\xae"), ("\u{2028}", "\\xe2\\x80\\xa8"),
      ("\u{1b}[2J", "\\x1b[2J"),
      ("", ""),
    ])
  func written(_ text: String, _ written: String) {
    #expect(ByteText.written(Array(text.utf8)) == written)
    #expect(ByteText.bytes(of: written) == Array(text.utf8))
  }

  @Test("bytes that are no UTF-8 come back as they were")
  func invalid() {
    let bytes: [UInt8] = [0x2f, 0xff, 0xe2, 0x80, 0x61, 0xc0, 0x80]
    #expect(ByteText.written(bytes) == "/\\xff\\xe2\\x80a\\xc0\\x80")
    #expect(ByteText.bytes(of: ByteText.written(bytes)) == bytes)
  }

  @Test("a backslash that begins no byte is refused", arguments: ["\\", "\\x", "\\x4", "\\xG0", "\\x4A", "a\\n"])
  func malformed(_ text: String) { #expect(ByteText.bytes(of: text) == nil) }

  @Test("random bytes come back as they were, and their text has no control character")
  func random() {
    var random = SplitMix(state: 1)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let text = ByteText.written(bytes)
      #expect(ByteText.bytes(of: text) == bytes)
      #expect(text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7f })
    }
  }
}
