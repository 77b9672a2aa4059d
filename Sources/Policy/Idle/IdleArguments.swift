extension PathRule {
  /// Argument rules that no exec reaches.
  func idleArguments(_ name: String) -> [IdlePart] {
    arguments.indices.compactMap { index in
      argumentFault(index)?.part("arguments[\(index)] of \(name)", location)
    }
  }

  private func argumentFault(_ index: Int) -> IdleFault? {
    let rule = arguments[index]
    if rule.text.utf8.contains(0) {
      return IdleFault("its text has a NUL, which ends an argument", "write a text without NUL")
    }
    // Each earlier argument takes a byte for its NUL at least, and so does this one.
    if let place = rule.index, place + rule.text.utf8.count + 1 > Self.argumentsMaxBytes {
      return IdleFault(
        "argument \(place) with this text lies beyond \(Self.argumentsMaxBytes) bytes, where none is looked at",
        "write a lower index or a shorter text")
    }
    guard let earlier = arguments[..<index].firstIndex(where: { $0.covers(rule) }) else { return nil }
    return IdleFault(
      "the first argument rule that matches decides, and arguments[\(earlier)] matches whatever this one does",
      "remove it, or write it before arguments[\(earlier)]", claim: IdlePart.doesNothing)
  }
}

extension ArgumentRule {
  /// Whether this rule matches all arguments that `other` matches.
  fileprivate func covers(_ other: ArgumentRule) -> Bool {
    guard index == nil || index == other.index else { return false }
    let (mine, theirs) = (Array(text.utf8), Array(other.text.utf8))
    switch (kind, other.kind) {
    case (.equals, .equals): return mine == theirs
    case (.prefix, .equals), (.prefix, .prefix): return theirs.starts(with: mine)
    case (.contains, _):
      return theirs.count >= mine.count
        && (0...theirs.count - mine.count).contains { theirs[$0...].starts(with: mine) }
    case (.equals, _), (.prefix, .contains): return false
    }
  }
}
