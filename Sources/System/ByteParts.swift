extension StringProtocol {
  /// The parts between the bytes of this value. For Swift, a slash and an accent behind it are one other character; for
  /// the kernel the slash ends a name.
  package func parts(
    between separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmpty: Bool = true
  ) -> [Substring] {
    let separator = UInt8(ascii: separator)
    return Substring(self).utf8
      .split(separator: separator, maxSplits: maxSplits, omittingEmptySubsequences: omittingEmpty)
      .map { Substring($0) }
  }

  /// This path and the paths above it, the shortest first, but for the root's.
  package var pathsFromTop: [String] {
    var last = ""
    return parts(between: "/").map { name in
      last += "/\(name)"
      return last
    }
  }
}
