import CStockade
import Testing

@testable import BPF

/// Records of the ring buffer, byte by byte.
struct KernelEventTests {
  private func record(path: String, arguments: String) -> [UInt8] {
    var header = stockade_event()
    header.kind = STOCKADE_EVENT_EXEC.rawValue
    header.path_length = UInt16(path.utf8.count)
    header.arguments_length = UInt16(arguments.utf8.count)
    return withUnsafeBytes(of: header) { Array($0) } + Array(path.utf8) + Array(arguments.utf8)
  }

  private func event(_ bytes: [UInt8]) -> KernelEvent? { bytes.withUnsafeBytes { KernelEvent(bytes: $0) } }

  @Test(
    "arguments are split at their NULs, empty ones included",
    arguments: [
      ("", []), ("\0", [""]), ("a\0", ["a"]), ("a\0\0b\0", ["a", "", "b"]), ("a\0\0", ["a", ""]), ("cut", ["cut"]),
    ])
  func arguments(_ text: String, _ words: [String]) throws {
    let event = try #require(self.event(record(path: "/bin/a", arguments: text)))
    #expect(event.path == Array("/bin/a".utf8))
    #expect(event.arguments == words.map { Array($0.utf8) })
  }

  @Test("a record that is shorter than it says is none")
  func short() {
    let whole = record(path: "/bin/a", arguments: "a\0")
    for length in 0..<whole.count { #expect(event(Array(whole.prefix(length))) == nil) }
    // The ring buffer rounds up.
    #expect(event(whole + [0, 0, 0]) != nil)
  }
}
