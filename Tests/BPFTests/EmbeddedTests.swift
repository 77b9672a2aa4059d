import CStockade
import Testing

@testable import BPF

/// What the build embeds.
struct EmbeddedTests {
  @Test(
    "base64 is decoded",
    arguments: [
      ("", []), ("AA==", [0]), ("/w==", [255]), ("AAE=", [0, 1]), ("AAEC", [0, 1, 2]), ("+/+/", [251, 255, 191]),
      ("c3RvY2thZGU=", Array("stockade".utf8)),
    ] as [(StaticString, [UInt8])])
  func base64(_ text: StaticString, _ bytes: [UInt8]) {
    #expect(decodeBase64(text) == bytes)
  }

  @Test("every digit of base64 has its value")
  func digits() {
    let decoded = decodeBase64("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    // The numbers 0 to 63, six bits each.
    let values = stride(from: 0, to: decoded.count, by: 3).flatMap { start -> [Int] in
      let group = decoded[start..<start + 3].reduce(0) { $0 << 8 | Int($1) }
      return [group >> 18, group >> 12 & 63, group >> 6 & 63, group & 63]
    }
    #expect(values == Array(0..<64))
  }

  @Test("each object is an ELF file for BPF", arguments: ["mark", "exec_signal", "network"])
  func objects(_ name: String) throws {
    let objects = [
      "mark": EmbeddedObjects.mark, "exec_signal": EmbeddedObjects.execSignal, "network": EmbeddedObjects.network,
    ]
    let bytes = decodeBase64(try #require(objects[name]))
    // EI_MAG, ELFCLASS64, ELFDATA2LSB; e_machine EM_BPF (247).
    #expect(Array(bytes.prefix(6)) == [0x7f, 0x45, 0x4c, 0x46, 2, 1])
    #expect(Int(bytes[18]) | Int(bytes[19]) << 8 == 247)
  }
}
