import YAML

extension ProfileLayer.Process {
  static func read(_ spec: Fields) -> Self? {
    let keys = ["defaultAction", "allowEntrypoint", "newExecutables", "fileless", "rules"]
    guard let fields = spec.section("process", keys: keys) else { return nil }
    var section = Self()
    section.defaultAction = fields.action("defaultAction")
    section.defaultLocation = fields.location(of: "defaultAction")
    section.allowEntrypoint = fields.bool("allowEntrypoint")
    section.newExecutables = fields.action("newExecutables")
    section.fileless = fields.action("fileless")
    section.rules = PathRuleParser(fields, isProcess: true).rules()
    return section
  }
}

extension ProfileLayer.FileAccess {
  static func read(_ spec: Fields) -> Self? {
    guard let fields = spec.section("file", keys: ["defaultAction", "rules"]) else { return nil }
    var section = Self()
    section.defaultAction = fields.action("defaultAction")
    section.defaultLocation = fields.location(of: "defaultAction")
    section.rules = PathRuleParser(fields, isProcess: false).rules()
    return section
  }
}

/// Reads the rules of `process` or `file`.
package struct PathRuleParser {
  /// The limit for one section.
  package static let rulesMax = 4096
  /// The limits for one path rule, and for one text: the kernel's maps hold no more (bpf/include/stockade.h).
  package static let argumentsMax = 16
  package static let argumentTextMaxBytes = 128
  /// An argv of `STOCKADE_ARGUMENTS_MAX_BYTES` has no more arguments, because each takes at least one byte.
  package static let argumentIndexMax = 4095

  private let section: Fields
  private let isProcess: Bool
  private var problems: Problems { section.problems }

  init(_ section: Fields, isProcess: Bool) {
    self.section = section
    self.isProcess = isProcess
  }

  func rules() -> [PathRule] {
    guard let nodes = section.list("rules", limit: Self.rulesMax) else { return [] }
    let rules = nodes.enumerated().compactMap { index, node in
      problems.whole { rule(node, "\(section.path("rules"))[\(index)]") }
    }
    reportRepeated(rules)
    return rules
  }

  private func rule(_ node: Node, _ place: String) -> PathRule? {
    // All keys are known in both sections, so a key of the other section gets a better message than "unknown".
    let keys = ["path", "directory", "recursive", "access", "action", "new", "arguments", "tags"]
    guard let fields = Fields(node, place, keys: keys, problems) else { return nil }
    refuseMisplaced(fields)
    let action = fields.requiredAction()
    let directory = fields.text("directory")
    let target = directory ?? fields.text("path")
    let recursive = fields.bool("recursive")
    let access = fields.words("access", \Access.rawValue)
    let allowNew = fields.bool("new")
    let arguments = isProcess ? arguments(fields, ruleAction: action) : []
    let tags = fields.tags()
    guard let target, let action, let path = PathSyntax.parse(target, fields, isDirectory: directory != nil) else {
      return nil
    }
    var rule = PathRule(
      path: path, isDirectory: directory != nil, action: action,
      location: Location(file: problems.file, line: fields.line))
    rule.recursive = recursive ?? false
    rule.access = access.map(Set.init) ?? rule.access
    rule.allowNew = allowNew ?? false
    rule.arguments = arguments
    rule.tags = tags
    if isProcess, rule.allowNew, action == .block {
      fields.refuse("new", "has no meaning in a Block rule; remove it")
    }
    return rule
  }

  private func refuseMisplaced(_ fields: Fields) {
    if !fields.has("path"), !fields.has("directory"), !fields.hasUnknownKeys {
      problems.add(fields.line, "\(fields.place) has neither path nor directory; add one")
    }
    if fields.has("path") {
      fields.refuse("directory", "stands beside path; make two rules of it")
      fields.refuse("recursive", "belongs to a directory rule; remove it or write directory instead of path")
    }
    if isProcess {
      fields.refuse("access", "belongs to spec.file; process rules are about execution")
    } else {
      fields.refuse("new", "belongs to spec.process; remove it")
      fields.refuse("arguments", "belongs to spec.process; remove it")
    }
  }
}

extension PathRuleParser {
  private func arguments(_ fields: Fields, ruleAction: Action?) -> [ArgumentRule] {
    guard let nodes = fields.list("arguments", limit: Self.argumentsMax) else { return [] }
    let rules = nodes.enumerated().compactMap { argument($0.element, "\(fields.path("arguments"))[\($0.offset)]") }
    guard let ruleAction, rules.count == nodes.count, !rules.isEmpty else { return rules }
    if ruleAction == .block {
      fields.refuse("arguments", "stands in a Block rule, which blocks whatever the arguments; remove it")
    } else if rules.allSatisfy({ $0.action == ruleAction }) {
      fields.refuse("arguments", "only repeats the rule's action \(ruleAction.name); remove it or change an action")
    }
    return rules
  }

  private func argument(_ node: Node, _ place: String) -> ArgumentRule? {
    let kinds = ArgumentRule.Kind.allCases.map(\.rawValue)
    guard let fields = Fields(node, place, keys: kinds + ["index", "action"], problems) else { return nil }
    let action = fields.requiredAction()
    let index = fields.integer("index", in: 0...Self.argumentIndexMax)
    let used = ArgumentRule.Kind.allCases.filter { fields.has($0.rawValue) }
    guard used.count == 1 else {
      if used.count > 1 || !fields.hasUnknownKeys {
        problems.add(fields.line, "\(place) needs one of contains, equals and prefix; it has \(used.count)")
      }
      return nil
    }
    guard let text = fields.text(used[0].rawValue), let action else { return nil }
    guard text.utf8.count <= Self.argumentTextMaxBytes else {
      problems.add(
        fields.line(of: used[0].rawValue),
        "\(fields.path(used[0].rawValue)) has \(text.utf8.count) bytes; it may have \(Self.argumentTextMaxBytes)")
      return nil
    }
    return ArgumentRule(kind: used[0], text: text, index: index, action: action)
  }
}

extension PathRuleParser {
  /// In one file, each access to a path is decided once.
  private func reportRepeated(_ rules: [PathRule]) {
    var earlier: [PathRule.Target: [PathRule]] = [:]
    for rule in rules {
      if let other = earlier[rule.target]?.first(where: { !$0.access.isDisjoint(with: rule.access) }) {
        let what = rule.isDirectory ? "directory" : "path"
        let why =
          other.action == rule.action
          ? "is already decided" : "contradicts \(other.action.name)"
        problems.add(
          rule.location.line,
          "\(what) \(quoted(rule.path)) \(rule.action.name) \(why) at line \(other.location.line); remove one of them")
      }
      earlier[rule.target, default: []].append(rule)
    }
  }
}

extension PathRule {
  /// What a rule is about, apart from its access. The path is bytes, because texts that only look alike are different
  /// paths.
  struct Target: Hashable {
    var path: [UInt8]
    var isDirectory: Bool
    var recursive: Bool
  }

  var target: Target { Target(path: Array(path.utf8), isDirectory: isDirectory, recursive: recursive) }
}
