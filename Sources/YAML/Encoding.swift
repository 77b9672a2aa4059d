/// The bytes of a text before libyaml sees them.
enum Encoding {
  private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]
  private static let backslash = UInt8(ascii: "\\")

  /// UTF-8 without its byte order mark. libyaml would count the mark as a column of the first line.
  static func text(_ bytes: [UInt8], file: String) throws(YAMLError) -> [UInt8] {
    if isUTF16(bytes) {
      throw .malformed(file: file, line: 1, problem: "the file is UTF-16 or UTF-32; save it as UTF-8")
    }
    if let nul = bytes.firstIndex(of: 0) {
      throw .malformed(file: file, line: line(of: nul, in: bytes), problem: "a NUL byte; remove it")
    }
    guard isUTF8(bytes) else {
      // The first line whose own bytes are invalid: a line feed is never part of a longer sequence.
      let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
      let number = 1 + (lines.firstIndex { !isUTF8(Array($0)) } ?? 0)
      throw .malformed(file: file, line: number, problem: "invalid UTF-8; save the file as UTF-8")
    }
    return bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
  }

  /// Known by the byte order mark, or by the zero byte that each ASCII character has in such a text.
  private static func isUTF16(_ bytes: [UInt8]) -> Bool {
    if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) { return true }
    guard bytes.count > 3 else { return false }
    return (bytes[0] == 0 && bytes[1] != 0 && bytes[2] == 0) || (bytes[0] != 0 && bytes[1] == 0 && bytes[3] == 0)
  }

  private static func isUTF8(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

  private static func line(of offset: Int, in bytes: [UInt8]) -> Int {
    1 + bytes[..<offset].count { $0 == UInt8(ascii: "\n") }
  }
}

extension Encoding {
  /// JSON with each pair of escaped halves, `\ud83d\ude00`, as YAML's one escape, `\U0001f600`. nil: the text is no
  /// JSON or has no such pair. In JSON a backslash stands only in a text, so no other meaning can be changed.
  static func joiningSurrogates(_ bytes: [UInt8]) -> [UInt8]? {
    guard let first = bytes.first(where: { !" \t\r\n".utf8.contains($0) }), "{[".utf8.contains(first) else {
      return nil
    }
    var joined: [UInt8] = []
    var (rest, isChanged) = (bytes[...], false)
    while let byte = rest.first {
      if byte == backslash, let high = half(rest, from: 0xd800), let low = half(rest.dropFirst(6), from: 0xdc00) {
        let digits = String(0x10000 + high << 10 + low, radix: 16)
        joined += Array(("\\U" + String(repeating: "0", count: 8 - digits.count) + digits).utf8)
        (rest, isChanged) = (rest.dropFirst(12), true)
      } else {
        // An escaped backslash is one step, so that what follows it is no escape.
        let step = byte == backslash ? 2 : 1
        joined += rest.prefix(step)
        rest = rest.dropFirst(step)
      }
    }
    return isChanged ? joined : nil
  }

  /// The ten bits of `\uXXXX`, if it is one of the 1024 from `first` on.
  private static func half(_ bytes: ArraySlice<UInt8>, from first: Int) -> Int? {
    guard bytes.count >= 6, bytes.starts(with: [backslash, UInt8(ascii: "u")]) else { return nil }
    let digits = String(decoding: bytes.dropFirst(2).prefix(4), as: UTF8.self)
    guard let value = Int(digits, radix: 16), (first..<first + 1024).contains(value) else { return nil }
    return value - first
  }
}
