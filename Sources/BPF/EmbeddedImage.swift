import CBPF

/// What embed-bpf wrote. Nothing else is ever read, so anything wrong in it means a broken build.
enum EmbeddedImage {
  /// The object.
  static func bytes(of image: StaticString) -> [UInt8] {
    let compressed = decodeBase64(image)
    let size = Int(ZSTD_getFrameContentSize(compressed, compressed.count))
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      count = ZSTD_decompress(buffer.baseAddress, size, compressed, compressed.count)
      precondition(count == size, "an embedded object is broken")
    }
  }
}

func decodeBase64(_ text: StaticString) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.reserveCapacity(text.utf8CodeUnitCount / 4 * 3)
  var group: UInt32 = 0
  var bits = 0
  text.withUTF8Buffer { characters in
    for character in characters where character != UInt8(ascii: "=") {
      group = group << 6 | UInt32(base64Digit(character))
      bits += 6
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: group >> bits))
      }
    }
  }
  return bytes
}

private func base64Digit(_ character: UInt8) -> UInt8 {
  switch character {
  case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
  case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
  case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
  case UInt8(ascii: "+"): 62
  default: 63
  }
}
