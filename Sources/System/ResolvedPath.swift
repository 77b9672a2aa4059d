extension String {
  /// Whether it is a path as the kernel resolves it: from the root, without `.`, `..` and empty names. By bytes: a
  /// Character can be a slash with an accent.
  package var isResolvedPath: Bool {
    let names = utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    return utf8.first == UInt8(ascii: "/")
      && names.allSatisfy { !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8) }
  }
}
