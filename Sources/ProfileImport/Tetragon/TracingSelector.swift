import Policy
import YAML

/// One selector of a probe: what must hold of the arguments, and what follows.
struct TracingSelector {
  struct Filter {
    var mapping: SourceMapping
    var index: Int?
    var operation: String
    var values: [(text: String, line: Int, place: String)]
  }

  let mapping: SourceMapping
  let hook: TracingHook
  let defaults: RuleDefaults
  let notes: ImportNotes
  let filters: [Filter]

  init(_ mapping: SourceMapping, _ hook: TracingHook, _ defaults: RuleDefaults, _ notes: ImportNotes) {
    (self.mapping, self.hook, self.defaults, self.notes) = (mapping, hook, defaults, notes)
    filters = mapping.mappings("matchArgs").map { filter in
      let index = (filter["index"] ?? filter["args"]?.elements?.first)?.integer
      let made = Filter(
        mapping: filter, index: index.map(Int.init), operation: filter.text("operator") ?? "",
        values: filter.texts("values"))
      filter.finish()
      return made
    }
  }

  func apply(to draft: inout ProfileDraft) {
    let action = action()
    mapping.pass("label")
    let conditions = mapping.keys.filter { !["matchArgs", "matchActions", "label"].contains($0) && mapping[$0] != nil }
    for key in conditions {
      notes.lost(
        mapping.line(of: key), mapping.path(printable(key)),
        "no rule of Stockade depends on this; the selector is left out. Write its rule without it if it may hold always"
      )
    }
    guard conditions.isEmpty, let action else { return }
    switch hook.effect {
    case .execution: applyPaths(action, nil, to: &draft)
    case .file(let all, let modeIndex, let read, let write):
      guard let access = access(all, modeIndex, read, write) else { return }
      applyPaths(action, access, to: &draft)
    case .connection(let transports, let isSockaddr):
      TracingConnection(selector: self, transports: transports, isSockaddr: isSockaddr).apply(action, to: &draft)
    }
  }

  func lose(_ filter: Filter, _ text: String) { notes.lost(filter.mapping.line, filter.mapping.place, text) }

  /// nil: the selector does something else, which is told as lost.
  private func action() -> Action? {
    var action: Action? = .audit
    for found in mapping.mappings("matchActions") {
      let word = found.text("action") ?? ""
      let signal = found["argSig"]?.integer
      found.pass(
        "argError", "rateLimit", "rateLimitScope", "kernelStackTrace", "userStackTrace", "imaHash")
      switch word {
      case "Sigkill", "Override": action = action.map { _ in .block }
      case "Signal" where signal == 9: action = action.map { _ in .block }
      case "Post": break
      default:
        notes.lost(found.line, found.place, "no rule does what \(quoted(word)) does; the selector is left out")
        found.pass(
          "argUrl", "argFqdn", "argSock", "argIndex", "argValue", "argRegs", "argNewSymbol", "argNewAddr",
          "argNewOffset")
        action = nil
      }
      found.finish()
    }
    return action
  }

  /// The accesses that the argument with their bits names.
  private func access(_ all: Set<Access>, _ modeIndex: Int?, _ read: UInt64, _ write: UInt64) -> Set<Access>? {
    var access = all
    for filter in filters where filter.index != hook.index {
      guard filter.index == modeIndex, ["Equal", "Mask"].contains(filter.operation) else {
        lose(filter, "no rule depends on this argument; it is written without it, and so is about more")
        continue
      }
      let bits = filter.values.reduce(0 as UInt64) { $0 | (Self.number($1.text) ?? 0) }
      var named: Set<Access> = []
      if bits & read != 0 { named.insert(.read) }
      if bits & write != 0 { named.insert(.write) }
      guard !named.isEmpty else {
        lose(filter, "rules are about Read and Write, and this is neither; the selector is left out")
        return nil
      }
      access.formIntersection(named)
    }
    return access.isEmpty ? nil : access
  }

  static func number(_ text: String) -> UInt64? {
    text.utf8.starts(with: "0x".utf8) ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }
}

/// Paths of programs and files.
extension TracingSelector {
  private func applyPaths(_ action: Action, _ access: Set<Access>?, to draft: inout ProfileDraft) {
    let own = filters.filter { $0.index == hook.index }
    if access == nil {
      for filter in filters where filter.index != hook.index {
        lose(filter, "no rule depends on this argument; the rule is written without it, and so is about more")
      }
    }
    guard !own.isEmpty else {
      notes.lost(
        mapping.line, mapping.place, "it names no path, and so is about all; write defaultAction: \(action.name)")
      return
    }
    let isNegative = own.allSatisfy { ["NotEqual", "NotPrefix"].contains($0.operation) }
    guard isNegative || own.count == 1 else {
      notes.lost(mapping.line, mapping.place, "two conditions on one path; write a rule for each path that is meant")
      return
    }
    guard standsAlone(isNegative, in: access == nil ? .process : .file, of: &draft) else { return }
    if isNegative { blockOthers(action, access, to: &draft) }
    for filter in own { add(filter, isNegative ? .allow : action, access, to: &draft) }
  }

  /// `NotEqual`: the action is for all other paths.
  private func blockOthers(_ action: Action, _ access: Set<Access>?, to draft: inout ProfileDraft) {
    if access == nil {
      var section = draft.profile.process ?? ProcessSection()
      section.defaultAction = max(section.defaultAction, action)
      draft.profile.process = section
    } else {
      // The default is about each access.
      var rule = PathRule(path: "/", isDirectory: true, action: action, location: notes.location(mapping.line))
      (rule.recursive, rule.access) = (true, access ?? rule.access)
      draft.file.add(rule, comment: defaults.comment, mapping.place, notes)
    }
  }

  /// Of several selectors the first that matches acts, and of rules the most specific one. What one selector leaves out
  /// would be allowed by its rules, and another one may mean it. So one that is about all others stands alone.
  func standsAlone(_ isNegative: Bool, in section: ProfileDraft.Section, of draft: inout ProfileDraft) -> Bool {
    guard isNegative ? draft.isEmpty(section) : !draft.closedSections.contains(section) else {
      notes.lost(
        mapping.line, mapping.place,
        "beside another selector no rules say what a condition with Not says; the selector is left out")
      return false
    }
    if isNegative { draft.closedSections.insert(section) }
    return true
  }

  private func add(_ filter: Filter, _ action: Action, _ access: Set<Access>?, to draft: inout ProfileDraft) {
    switch filter.operation {
    case "Equal", "NotEqual":
      for value in filter.values { add(value, isDirectory: false, action, access, to: &draft) }
    case "Prefix", "NotPrefix":
      for value in filter.values { addPrefix(value, action, access, to: &draft) }
    default:
      lose(filter, "no rule compares a path by \(quoted(filter.operation)); write a rule for each path that is meant")
    }
  }

  private func addPrefix(
    _ value: (text: String, line: Int, place: String), _ action: Action, _ access: Set<Access>?,
    to draft: inout ProfileDraft
  ) {
    let isFolder = value.text.utf8.last == UInt8(ascii: "/")
    let isUsable = add(value, isDirectory: true, action, access, to: &draft)
    guard !isFolder, isUsable else { return }
    add(value, isDirectory: false, action, access, to: &draft)
    notes.lost(
      value.line, value.place,
      "rules are written for \(quoted(value.text)) and what lies in it; names that only begin so need their own rules"
    )
  }

  /// - Returns: whether a rule can have the path.
  @discardableResult
  private func add(
    _ value: (text: String, line: Int, place: String), isDirectory: Bool, _ action: Action, _ access: Set<Access>?,
    to draft: inout ProfileDraft
  ) -> Bool {
    guard let path = notes.path(value.text, isDirectory: isDirectory, line: value.line, value.place) else {
      return false
    }
    var rule = PathRule(path: path, isDirectory: isDirectory, action: action, location: notes.location(value.line))
    rule.recursive = isDirectory
    rule.tags = defaults.tags
    if let access {
      rule.access = access
      draft.file.add(rule, comment: defaults.comment, value.place, notes)
    } else {
      draft.process.add(rule, comment: defaults.comment, value.place, notes)
    }
    return true
  }
}
