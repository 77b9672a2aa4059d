extension Profile {
  /// Decides the exec of one file. For a script, ask for the script and for the interpreter.
  ///
  /// - Parameters:
  ///   - path: from the container's root, fully resolved.
  ///   - isNew: the file is not of the image; docs/profile-reference.md, "Which rule decides".
  ///   - isFileless: the file is deleted, a memfd or detached; then its path means nothing.
  ///   - isEntrypoint: this is the first exec of the container's payload.
  ///   - isRunByEnv: this is the exec after it, and the first one was a script's whose interpreter is the image's env.
  ///   - arguments: argv of the new image. The arguments are without their NUL.
  package func decideExec(
    path: some Sequence<UInt8>, isNew: Bool = false, isFileless: Bool = false, isEntrypoint: Bool = false,
    isRunByEnv: Bool = false, arguments: [[UInt8]] = []
  ) -> Decision {
    // Of new files the image's env starts none by this exception.
    process?.decide(
      path: Array(path), isNew: isNew, isFileless: isFileless, isExcepted: isEntrypoint || (isRunByEnv && !isNew),
      arguments: arguments)
      ?? Decision(.allow, .noSection)
  }

  package func decideExec(
    path: String, isNew: Bool = false, isFileless: Bool = false, isEntrypoint: Bool = false,
    isRunByEnv: Bool = false, arguments: [String] = []
  ) -> Decision {
    decideExec(
      path: Array(path.utf8), isNew: isNew, isFileless: isFileless, isEntrypoint: isEntrypoint, isRunByEnv: isRunByEnv,
      arguments: arguments.map { Array($0.utf8) })
  }

  /// Decides the mapping of a file as code without an exec of its own. The file need not be listed.
  package func decideMapping(path: String, isNew: Bool = false, isFileless: Bool = false) -> Decision {
    process?.decideMapping(path: Array(path.utf8), isNew: isNew, isFileless: isFileless)
      ?? Decision(.allow, .noSection)
  }
}

extension ProcessSection {
  /// The longest path that the kernel's walk builds (bpf/include/stockade.h).
  package static let pathMaxBytes = 4096

  /// For a path that cannot be looked up. It is as strict as the strictest rule that could have decided the path.
  package var overLong: Action { rules.filter(\.isDirectory).map(\.strictest).reduce(defaultAction, max) }

  /// For a program that has no path: any rule could be about it.
  package var unknownPath: Action { max(unknownMappedPath, defaultAction) }

  /// For a mapped file that has no path. It need not be listed, so `defaultAction` is not about it.
  package var unknownMappedPath: Action { rules.map(\.strictest).reduce(.allow, max) }

  func decide(
    path: [UInt8], isNew: Bool, isFileless: Bool, isExcepted: Bool, arguments: [[UInt8]]
  ) -> Decision {
    if isFileless { return Decision(fileless, .fileless) }
    let found = deciding(path)
    let decision = decideByRules(path, found, isExcepted: isExcepted, arguments: arguments)
    return withNewness(decision, found, isNew: isNew)
  }

  /// Its arguments are in memory that the process can write. So the strictest of what could be said of them holds.
  package func decideMapping(path: [UInt8], isNew: Bool, isFileless: Bool) -> Decision {
    if isFileless { return Decision(fileless, .fileless) }
    let found = deciding(path)
    var decision =
      found.map { Decision(rules[$0].strictest, .rule, rule: rules.number($0)) } ?? Decision(.allow, .defaultAction)
    if path.count > Self.pathMaxBytes { decision = Decision(overLong, .overLongPath) }
    return withNewness(decision, found, isNew: isNew)
  }

  private func deciding(_ path: [UInt8]) -> Int? { path.count > Self.pathMaxBytes ? nil : rules.deciding(path) }

  private func withNewness(_ decision: Decision, _ found: Int?, isNew: Bool) -> Decision {
    guard isNew, found.map({ !rules[$0].allowNew }) ?? true else { return decision }
    // Newness comes before the rules: if both block, the newness is the reason.
    return newExecutables == .block || newExecutables > decision.action
      ? Decision(newExecutables, .newExecutables, rule: found.map(rules.number)) : decision
  }

  private func decideByRules(
    _ path: [UInt8], _ found: Int?, isExcepted: Bool, arguments: [[UInt8]]
  ) -> Decision {
    if path.count > Self.pathMaxBytes { return Decision(overLong, .overLongPath) }
    if let found { return rules[found].decide(arguments: arguments, rule: rules.number(found)) }
    if isExcepted, allowEntrypoint, defaultAction != .allow { return Decision(.allow, .entrypoint) }
    return Decision(defaultAction, .defaultAction)
  }
}

extension [PathRule] {
  /// The rule that decides for `path`: an exact rule, or else the longest directory. Of equal rules
  /// `[PathRule].strictest` decides.
  package func deciding(_ path: [UInt8], access: Access? = nil) -> Int? {
    let matching = matching(path, access: access)
    guard let rank = matching.map({ self[$0].rank }).max() else { return nil }
    return strictest(of: matching.filter { self[$0].rank == rank })
  }

  /// The rules that match `path`, in the order of their rank: the first one decides.
  package func candidates(_ path: [UInt8], access: Access? = nil) -> [Int] {
    matching(path, access: access).sorted {
      (self[$1].rank, self[$1].action, self[$1].strictest, $0) < (
        self[$0].rank, self[$0].action, self[$0].strictest, $1
      )
    }
  }

  private func matching(_ path: [UInt8], access: Access?) -> [Int] {
    indices.filter { self[$0].matches(path) && (access.map(self[$0].access.contains) ?? true) }
  }

  /// Of rules with equal rank: Block, then Audit, then Allow. Of equal actions, the rule with the stricter argument
  /// rules, then the first rule.
  package func strictest(of candidates: [Int]) -> Int? {
    candidates.min { (self[$1].action, self[$1].strictest, $0) < (self[$0].action, self[$0].strictest, $1) }
  }
}

extension [PathRule] {
  /// The number of a rule in events, which is that of the rule for which it stands.
  package func number(_ index: Int) -> Int { self[index].origin ?? index }
}

extension PathRule {
  /// The path that the kernel compares. A directory's path ends with its slash.
  package var matchedBytes: [UInt8] {
    let bytes = Array(path.utf8)
    return isDirectory && bytes.last != UInt8(ascii: "/") ? bytes + [UInt8(ascii: "/")] : bytes
  }

  /// An exact path comes before every directory. A longer directory comes before a shorter one.
  package var rank: Int { isDirectory ? matchedBytes.count : .max }

  /// Whether the rule is about `path`, whatever the access.
  package func matches(_ path: [UInt8]) -> Bool {
    let mine = matchedBytes
    guard isDirectory else { return path == mine }
    guard path.count > mine.count, path.starts(with: mine) else { return false }
    return recursive || !path[mine.count...].contains(UInt8(ascii: "/"))
  }
}
