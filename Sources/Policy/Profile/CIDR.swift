import Glibc

extension CIDR: CustomStringConvertible {
  /// Why a text is no CIDR. In a message, it stands behind the text.
  struct Problem: Error, Equatable {
    var message: String
  }

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

  /// Reads `10.0.0.0/8` or `fd00::/8`. inet_pton(3).
  init(parsing text: String) throws(Problem) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let bytes = Self.address(parts[0]) else {
      throw Problem(message: "is no IP address with a prefix length; write it like 10.0.0.0/8 or fd00::/8")
    }
    let bits = bytes.count * 8
    guard parts.count == 2 else { throw Problem(message: "has no prefix length; write \(parts[0])/\(bits)") }
    guard let length = Self.length(parts[1]), length <= bits else {
      throw Problem(message: "has the prefix length \(parts[1]); write a number from 0 to \(bits)")
    }
    self.init(bytes: Self.masked(bytes, length), prefixLength: length)
    guard self.bytes == bytes else { throw Problem(message: "has bits set after its prefix; write \(self)") }
    if !isIPv4, length >= 96, bytes.starts(with: Self.mappedPrefix) {
      throw Problem(message: "holds IPv4 addresses, which are matched as IPv4; write the IPv4 prefix")
    }
  }

  /// Also reads an address alone. nil: it is neither, or no rule may have it.
  package init?(addressOrPrefix text: String) {
    let whole = Self.address(text).map { "\(text)/\($0.count * 8)" } ?? text
    guard let cidr = try? CIDR(parsing: whole) else { return nil }
    self = cidr
  }

  /// 4 or 16 bytes in network order; nil: `text` is no address. An IPv4-mapped address stays IPv6.
  package static func address(_ text: String) -> [UInt8]? {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if !text.utf8.contains(0), inet_pton(family, text, &bytes) == 1 { return bytes }
    }
    return nil
  }

  /// An IPv4-mapped IPv6 address as the IPv4 address that its packets carry.
  package static func unmapped(_ address: [UInt8]) -> [UInt8] {
    address.count == 16 && address.starts(with: mappedPrefix) ? Array(address[12...]) : address
  }

  package func contains(_ address: [UInt8]) -> Bool {
    guard address.count == bytes.count else { return false }
    let (whole, rest) = (prefixLength / 8, prefixLength % 8)
    if !bytes.indices.prefix(whole).allSatisfy({ bytes[$0] == address[$0] }) { return false }
    return rest == 0 || (bytes[whole] ^ address[whole]) >> UInt8(8 - rest) == 0
  }

  package func contains(_ other: CIDR) -> Bool { prefixLength <= other.prefixLength && contains(other.bytes) }

  package var description: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let text = inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &buffer, socklen_t(buffer.count))
    return text.map { "\(String(cString: $0))/\(prefixLength)" } ?? "\(bytes)/\(prefixLength)"
  }

  private static func length(_ text: String) -> Int? {
    guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      // Some programs read `08` as octal.
      text.utf8.count == 1 || text.utf8.first != 0x30
    else { return nil }
    return Int(text)
  }

  private static func masked(_ bytes: [UInt8], _ length: Int) -> [UInt8] {
    bytes.enumerated().map { index, byte in
      let bits = min(8, max(0, length - index * 8))
      return byte & UInt8(truncatingIfNeeded: 0xff00 >> bits)
    }
  }
}

extension CIDR: Comparable {
  /// IPv4 first, then the shorter prefix.
  package static func < (a: CIDR, b: CIDR) -> Bool {
    if a.isIPv4 != b.isIPv4 { return a.isIPv4 }
    if a.prefixLength != b.prefixLength { return a.prefixLength < b.prefixLength }
    return a.bytes.lexicographicallyPrecedes(b.bytes)
  }
}
