import Policy
import YAML

/// `process` and `file`.
extension KubeArmorImport {
  /// What a rule of KubeArmor is about.
  private enum Target: String {
    case path, directory = "dir", pattern
  }

  mutating func readPaths(_ section: SourceMapping, isProcess: Bool) {
    let defaults = RuleDefaults(section, within: inherited)
    if let comment = defaults.comment { draft.comments.above["spec.\(isProcess ? "process" : "file")"] = [comment] }
    var hasAllow = false
    for (key, target) in [
      ("matchPaths", Target.path), ("matchDirectories", .directory), ("matchPatterns", .pattern),
    ] {
      for rule in section.mappings(key) where read(rule, target, defaults, isProcess) == .allow { hasAllow = true }
    }
    section.finish()
    if hasAllow { blockOthers(isProcess, section) }
  }

  /// - Returns: the rule's action, also of one that cannot be carried over: an Allow rule closes its section.
  private mutating func read(
    _ rule: SourceMapping, _ target: Target, _ outer: RuleDefaults, _ isProcess: Bool
  ) -> Action {
    let defaults = RuleDefaults(rule, within: outer)
    let readOnly = isProcess ? false : rule.bool("readOnly")
    var made = self.rule(rule, target, isProcess)
    made?.action = defaults.action
    made?.tags = defaults.tags
    let isKept = conditions(rule, defaults.action)
    rule.finish()
    guard isKept, let made else { return defaults.action }
    if isProcess {
      draft.process.add(made, comment: defaults.comment, rule.place, notes)
    } else {
      for part in Self.readOnly(made, readOnly) {
        let isRemainder = part.action != defaults.action
        draft.file.add(part, comment: defaults.comment, isRemainder: isRemainder, rule.place, notes)
      }
    }
    return defaults.action
  }

  /// `readOnly` lets files be read and nothing else.
  private static func readOnly(_ rule: PathRule, _ readOnly: Bool) -> [PathRule] {
    guard readOnly else { return [rule] }
    var (reading, writing) = (rule, rule)
    (reading.access, writing.access) = ([.read], [.write])
    guard rule.action == .allow else { return [writing] }
    writing.action = .block
    return [reading, writing]
  }

  private func rule(_ rule: SourceMapping, _ target: Target, _ isProcess: Bool) -> PathRule? {
    let key = target.rawValue
    let isRecursive = target == .directory && rule.bool("recursive")
    if isProcess, target == .path, rule[key] == nil, let name = rule.text("execname") {
      notes.lost(
        rule.line(of: "execname"), rule.path("execname"),
        "a rule is about a path, and not about the name \(quoted(name)); write the program's path")
      return nil
    }
    guard let text = rule.text(key) else {
      notes.problems.add(rule.line, "\(rule.place) has no \(key)")
      return nil
    }
    let line = rule.line(of: key)
    guard target != .pattern else { return pattern(text, line, rule) }
    let isDirectory = target == .directory
    guard let path = notes.path(text, isDirectory: isDirectory, line: line, rule.path(key)) else { return nil }
    var made = PathRule(path: path, isDirectory: isDirectory, action: .block, location: notes.location(line))
    made.recursive = isRecursive
    return made
  }

  /// A pattern of AppArmor: a rule can stand for `/a/*` and `/a/**`.
  private func pattern(_ text: String, _ line: Int, _ rule: SourceMapping) -> PathRule? {
    let stars = text.utf8.reversed().prefix { $0 == UInt8(ascii: "*") }.count
    let stem = String(decoding: text.utf8.dropLast(stars), as: UTF8.self)
    let isPlain = !stem.utf8.contains { "*?[]{}^".utf8.contains($0) }
    guard isPlain, stars == 0 || (stars <= 2 && stem.utf8.last == UInt8(ascii: "/")) else {
      notes.lost(
        line, rule.path("pattern"),
        "no rule can stand for the pattern \(quoted(text)); write a rule for each path, or for a directory with "
          + "recursive: true")
      return nil
    }
    let isDirectory = stars > 0
    guard let path = notes.path(stem, isDirectory: isDirectory, line: line, rule.path("pattern")) else { return nil }
    var made = PathRule(path: path, isDirectory: isDirectory, action: .block, location: notes.location(line))
    made.recursive = stars == 2
    return made
  }

  // MARK: Conditions

  /// What else must hold for the rule in KubeArmor.
  ///
  /// - Returns: whether the rule is written without the conditions: all but Block rules, which would break what works.
  private func conditions(_ rule: SourceMapping, _ action: Action) -> Bool {
    let found = Self.conditions.filter { key, _ in
      guard let node = rule[key] else { return false }
      // `ownerOnly: false` and `pts: true` are what holds without them.
      return node.bool != (key == "pts") && node.elements?.isEmpty != true
    }
    for (key, what) in found {
      let then = Self.withoutCondition(action) ?? "the rule is left out; write it without \(key) if it may hold always"
      notes.lost(rule.line(of: key), rule.path(key), "no rule of Stockade depends on \(what); \(then)")
    }
    if rule[Self.sources] != nil {
      for source in rule.mappings(Self.sources) { source.pass("path", "dir", "recursive") }
    }
    return found.isEmpty || action != .block
  }

  /// What becomes of a rule whose condition cannot be written; nil: the rule is left out.
  static func withoutCondition(_ action: Action) -> String? {
    switch action {
    case .allow: "the rule is written without it, and so allows more"
    case .audit: "the rule is written without it, and so reports more"
    case .block: nil
    }
  }

  private static let sources = "fromSource"

  private static let conditions: [(String, String)] = [
    (sources, "the program that acts"), ("ownerOnly", "the owner of the file"),
    ("allowedArgs", "a whole list of arguments (process rules have arguments)"), ("pts", "the terminal"),
  ]

  // MARK: The rest

  /// In KubeArmor an Allow rule makes the posture of its section count for everything else.
  private mutating func blockOthers(_ isProcess: Bool, _ section: SourceMapping) {
    if isProcess {
      draft.process.leaveOutOfAllowList(notes)
      var process = draft.profile.process ?? ProcessSection()
      process.defaultAction = .block
      draft.profile.process = process
    } else {
      draft.file.leaveOutOfAllowList(notes)
      var file = FileSection()
      file.defaultAction = .block
      draft.profile.fileAccess = file
    }
    let more =
      isProcess
      ? "; programs that are not the image's own need new: true in their rule (newExecutables)"
      : "; list everything that is opened, such as libraries and /dev/null"
    notes.tell(
      section.line, section.place,
      "its Allow rules make defaultAction Block, as KubeArmor's posture block; write Audit where its posture is "
        + "audit\(more)")
  }
}
