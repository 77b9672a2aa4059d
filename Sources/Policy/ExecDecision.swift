extension Profile {
  /// Decides the exec of one file. For a script, ask for the script and for the interpreter.
  ///
  /// - Parameters:
  ///   - path: from the container's root, fully resolved.
  ///   - isNew: the file is not of the image; docs/profile-reference.md, "Which rule decides".
  ///   - isFileless: the file is deleted, a memfd or detached; then its path means nothing.
  ///   - isEntrypoint: this is the first exec of the container's payload.
  ///   - arguments: argv of the new image. The arguments are without their NUL.
  package func decideExec(
    path: some Sequence<UInt8>, isNew: Bool = false, isFileless: Bool = false, isEntrypoint: Bool = false,
    arguments: [[UInt8]] = []
  ) -> Decision {
    process?.decide(
      path: Array(path), isNew: isNew, isFileless: isFileless, isEntrypoint: isEntrypoint, arguments: arguments)
      ?? Decision(.allow, .noSection)
  }

  package func decideExec(
    path: String, isNew: Bool = false, isFileless: Bool = false, isEntrypoint: Bool = false, arguments: [String] = []
  ) -> Decision {
    decideExec(
      path: Array(path.utf8), isNew: isNew, isFileless: isFileless, isEntrypoint: isEntrypoint,
      arguments: arguments.map { Array($0.utf8) })
  }
}

extension ProcessSection {
  /// The longest path that the kernel's walk builds (bpf/include/stockade.h).
  package static let pathMaxBytes = 4096

  /// For a path that cannot be looked up. It is as strict as the strictest rule that could have decided the path.
  package var overLong: Action { rules.filter(\.isDirectory).map(\.strictest).reduce(defaultAction, max) }

  func decide(
    path: [UInt8], isNew: Bool, isFileless: Bool, isEntrypoint: Bool, arguments: [[UInt8]]
  ) -> Decision {
    if isFileless { return Decision(fileless, .fileless) }
    let found = path.count > Self.pathMaxBytes ? nil : rules.deciding(path)
    let decision = decideByRules(path, found, isEntrypoint: isEntrypoint, arguments: arguments)
    guard isNew, found.map({ !rules[$0].allowNew }) ?? true else { return decision }
    // Newness comes before the rules: if both block, the newness is the reason.
    return newExecutables == .block || newExecutables > decision.action
      ? Decision(newExecutables, .newExecutables, rule: found) : decision
  }

  private func decideByRules(
    _ path: [UInt8], _ found: Int?, isEntrypoint: Bool, arguments: [[UInt8]]
  ) -> Decision {
    if path.count > Self.pathMaxBytes { return Decision(overLong, .overLongPath) }
    if let found { return rules[found].decide(arguments: arguments, rule: found) }
    if isEntrypoint, allowEntrypoint, defaultAction != .allow { return Decision(.allow, .entrypoint) }
    return Decision(defaultAction, .defaultAction)
  }
}

extension [PathRule] {
  /// The rule that decides for `path`: an exact rule, or else the longest directory. Of equal rules
  /// `[PathRule].strictest` decides.
  package func deciding(_ path: [UInt8], access: Access? = nil) -> Int? {
    let matching = indices.filter { self[$0].matches(path) && (access.map(self[$0].access.contains) ?? true) }
    guard let rank = matching.map({ self[$0].rank }).max() else { return nil }
    return strictest(of: matching.filter { self[$0].rank == rank })
  }

  /// Of rules with equal rank: Block, then Audit, then Allow. Of equal actions, the first rule.
  package func strictest(of candidates: [Int]) -> Int? {
    candidates.min { (self[$1].action, $0) < (self[$0].action, $1) }
  }
}

extension PathRule {
  /// The path that the kernel compares. A directory's path ends with its slash.
  package var matchedBytes: [UInt8] {
    let bytes = Array(path.utf8)
    return isDirectory && bytes.last != UInt8(ascii: "/") ? bytes + [UInt8(ascii: "/")] : bytes
  }

  /// An exact path comes before every directory. A longer directory comes before a shorter one.
  fileprivate var rank: Int { isDirectory ? matchedBytes.count : .max }

  fileprivate func matches(_ path: [UInt8]) -> Bool {
    let mine = matchedBytes
    guard isDirectory else { return path == mine }
    guard path.count > mine.count, path.starts(with: mine) else { return false }
    return recursive || !path[mine.count...].contains(UInt8(ascii: "/"))
  }
}
