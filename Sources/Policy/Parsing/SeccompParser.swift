import System
import YAML

extension SeccompSection {
  enum Kind: String, CaseIterable {
    case runtimeDefault = "RuntimeDefault"
    case localhost = "Localhost"
    case inline = "Inline"
  }

  private static let inlineKeys = ["defaultAction", "defaultErrnoRet", "architectures", "flags", "syscalls"]
  /// Linux's limit for a name in a folder.
  package static let fileNameMaxBytes = 255

  static func read(_ spec: Fields) -> SeccompSection? {
    let before = spec.problems.count
    var section = readParts(spec)
    section?.isPartial = spec.problems.count > before
    return section
  }

  private static func readParts(_ spec: Fields) -> SeccompSection? {
    guard
      let fields = spec.section(
        "seccomp", keys: ["type", "localhostProfile", "replacesPod", "addedCapabilities"] + inlineKeys)
    else { return nil }
    let replacesPod = fields.bool("replacesPod") ?? false
    fields.require("type", "RuntimeDefault, Localhost or Inline")
    guard let kind = fields.word("type", \Kind.rawValue) else { return nil }
    if kind != .localhost { fields.refuse("localhostProfile", "belongs to type Localhost; remove it") }
    if kind != .inline {
      for key in inlineKeys { fields.refuse(key, "belongs to type Inline; remove it") }
    }
    if kind == .inline {
      fields.refuse("addedCapabilities", "is for rules that ask for capabilities, and type Inline has none; remove it")
    }
    let source: Source? =
      switch kind {
      case .runtimeDefault: .runtimeDefault
      case .localhost: fileName(fields).map { .localhost($0) }
      case .inline: SeccompFilter.read(fields).map { .inline($0) }
      }
    var section = source.map { SeccompSection(source: $0, location: spec.location(of: "seccomp")) }
    section?.addedCapabilities = addedCapabilities(fields)
    section?.replacesPod = replacesPod
    return section
  }

  /// In Kubernetes' `capabilities.add`, this stands for all.
  private static let allCapabilities = "ALL"

  private static func addedCapabilities(_ fields: Fields) -> [String] {
    let known = Capabilities.names + [allCapabilities]
    var added: [String] = []
    for (word, line) in fields.texts("addedCapabilities", limit: known.count) ?? [] {
      if known.contains(word) {
        added += word == allCapabilities ? Capabilities.names : [word]
      } else {
        // `SYS_ADMIN` lacks only the prefix.
        let whole = known.contains("CAP_" + word.uppercased()) ? "CAP_" + word.uppercased() : word
        let advice = Suggestion.advice(for: whole, among: known, otherwise: "capabilities(7) lists the names")
        fields.problems.add(line, "\(fields.path("addedCapabilities")): unknown capability \(quoted(word))\(advice)")
      }
    }
    return added
  }

  private static func fileName(_ fields: Fields) -> String? {
    fields.require("localhostProfile", "the name of a file in the profiles folder")
    guard let name = fields.text("localhostProfile") else { return nil }
    let bytes = Array(name.utf8)
    if bytes.contains(UInt8(ascii: "/")) || bytes.first == UInt8(ascii: ".") || bytes.count > fileNameMaxBytes
      || bytes.contains(where: { $0 < 0x20 || $0 == 0x7f })
    {
      fields.refuse(
        "localhostProfile", "is \(quoted(name)); write the name of a file in the profiles folder, without a path")
      return nil
    }
    return name
  }
}

extension SeccompFilter {
  /// The limits for the rules of one filter, and for the names of one rule.
  package static let rulesMax = 1024
  package static let namesMax = 1024
  /// A system call has six arguments, and each may be compared once.
  package static let argumentsMax = 6
  /// The limit for architectures, and for flags.
  package static let wordsMax = 32
  /// `SECCOMP_RET_DATA`. How much of it an action may use depends on the action, which is not looked at here.
  private static let errnoMax = 0xffff
  /// In a partial section, this stands for an action that has an error, so that the other words are checked.
  private static let neutralAction = "SCMP_ACT_ERRNO"

  static func read(_ fields: Fields) -> SeccompFilter? {
    fields.require("defaultAction", "an action like SCMP_ACT_ERRNO")
    var filter = SeccompFilter(defaultAction: fields.text("defaultAction") ?? neutralAction)
    filter.defaultErrno = fields.integer("defaultErrnoRet", in: 0...errnoMax).map(UInt32.init)
    filter.lines.defaultAction = fields.line(of: "defaultAction")
    let (architectures, flags) = (
      fields.texts("architectures", limit: wordsMax) ?? [], fields.texts("flags", limit: wordsMax) ?? []
    )
    (filter.architectures, filter.lines.architectures) = (architectures.map(\.text), architectures.map(\.line))
    (filter.flags, filter.lines.flags) = (flags.map(\.text), flags.map(\.line))
    let rules = fields.list("syscalls", limit: rulesMax) ?? []
    filter.syscalls = rules.enumerated().compactMap { index, node in
      var rule = rule(node, "\(fields.path("syscalls"))[\(index)]", fields.problems)
      rule?.index = index
      return rule
    }
    return filter
  }

  private static func rule(_ node: Node, _ place: String, _ problems: Problems) -> Rule? {
    guard let fields = Fields(node, place, keys: ["names", "action", "errnoRet", "args"], problems) else { return nil }
    fields.require("names", "the names of system calls")
    fields.require("action", "an action like SCMP_ACT_ALLOW")
    let names = fields.texts("names", limit: namesMax) ?? []
    var rule = Rule(names: names.map(\.text), action: fields.text("action") ?? neutralAction)
    (rule.lines.names, rule.lines.action) = (names.map(\.line), fields.line(of: "action"))
    rule.errnoReturn = fields.integer("errnoRet", in: 0...errnoMax).map(UInt32.init)
    let arguments = fields.list("args", limit: argumentsMax) ?? []
    for (index, node) in arguments.enumerated() {
      guard let argument = argument(node, "\(fields.path("args"))[\(index)]", problems) else { continue }
      rule.arguments.append(argument)
      rule.lines.arguments.append(node.line)
    }
    rule.location = Location(file: problems.file, line: node.line)
    return rule
  }

  private static func argument(_ node: Node, _ place: String, _ problems: Problems) -> Argument? {
    guard let fields = Fields(node, place, keys: ["index", "value", "valueTwo", "op"], problems) else { return nil }
    for (key, hint) in [("index", "0 to 5"), ("value", "a number"), ("op", "an operator like SCMP_CMP_EQ")] {
      fields.require(key, hint)
    }
    let index = fields.integer("index", in: 0...argumentsMax - 1)
    let value = fields.unsigned("value")
    let valueTwo = fields.has("valueTwo") ? fields.unsigned("valueTwo") : 0
    guard let index, let value, let valueTwo, let op = fields.text("op") else { return nil }
    return Argument(index: UInt32(index), value: value, valueTwo: valueTwo, op: op)
  }
}
