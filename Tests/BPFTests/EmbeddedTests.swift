import CStockade
import System
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

  @Test("each file of programs in bpf/ is embedded, as an ELF file for BPF")
  func objects() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/bpf"
    let sources = try Files.names(in: folder).filter { $0.hasSuffix(".bpf.c") }.map { String($0.dropLast(6)) }
    #expect(EmbeddedObjects.all.map(\.name).sorted() == sources.sorted())
    for (name, image) in EmbeddedObjects.all {
      let bytes = EmbeddedImage.bytes(of: image)
      // EI_MAG, ELFCLASS64, ELFDATA2LSB; e_machine EM_BPF (247).
      #expect(Array(bytes.prefix(6)) == [0x7f, 0x45, 0x4c, 0x46, 2, 1], "\(name)")
      #expect(Int(bytes[18]) | Int(bytes[19]) << 8 == 247, "\(name)")
    }
  }
}
