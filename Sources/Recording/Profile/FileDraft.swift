import Policy

/// Files -> file rules, by folders where a stated rule says so.
extension ProfileDraft {
  mutating func addFiles() {
    guard tier >= .fmodRet, sees(.files, for: "file section") else { return }
    let targets = FileTargets(recording.files)
    leaveOut(
      targets.leftOut.map { "\($0.access.rawValue) of \(ByteText.written($0.path))" },
      "no rule can name such a path, and its folder is not opened")
    // What is written stands first.
    let sorted = targets.accesses.sorted { a, b in
      let (first, second) = (a.value.contains(.write), b.value.contains(.write))
      return first == second ? a.key < b.key : first
    }
    let kept = fitting(
      sorted, limit: PathRuleParser.rulesMax, bytes: { $0.key.path.bytes.count },
      name: { "what is used of \(ByteText.written($0.key.path.bytes))" })
    profile.fileAccess = FileSection()
    profile.fileAccess?.defaultAction = .block
    for (index, (target, accesses)) in kept.enumerated() {
      add(target, accesses, at: "spec.file.rules[\(index)]", targets.counts[target] ?? 0)
    }
    markGroups(kept.map(\.value))
  }

  private mutating func add(_ target: FileTarget, _ accesses: Set<Access>, at place: String, _ count: UInt64) {
    guard let path = target.path.text(isDirectory: target.extent != .file) else { return }
    var rule = PathRule(path: path, isDirectory: target.extent != .file, action: .allow, location: Self.location)
    rule.recursive = target.extent == .tree
    rule.access = accesses
    profile.fileAccess?.rules.append(rule)
    self.count(count, at: place)
    if accesses.contains(.write), target.extent == .tree, target.path == NamedPath("/proc") {
      warn(
        at: place,
        "the workload wrote to files of /proc/PID. No rule can name every process, so this opens all of /proc.")
    }
  }

  private mutating func markGroups(_ accesses: [Set<Access>]) {
    let written = accesses.count { $0.contains(.write) }
    if written > 0 { comments.above["spec.file.rules[0]", default: []].insert("What is written:", at: 0) }
    guard written < accesses.count else { return }
    comments.above["spec.file.rules[\(written)]", default: []].insert("What is only read:", at: 0)
  }
}
