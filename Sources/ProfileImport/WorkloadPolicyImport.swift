import Policy
import YAML

/// WorkloadPolicy of SUSE's runtime-enforcer, and its earlier kinds: which programs each container may run.
struct WorkloadPolicyImport {
  let notes: ImportNotes
  let head: ObjectHead
  private var mode: Mode = .enforce

  /// One profile for each container.
  static func drafts(_ document: SourceDocument, name: String?) -> [ProfileDraft] {
    let drafts = document.object(name: name) { spec, head in
      var importer = WorkloadPolicyImport(notes: document.notes, head: head)
      return importer.drafts(spec)
    }
    return drafts ?? []
  }

  private init(notes: ImportNotes, head: ObjectHead) { (self.notes, self.head) = (notes, head) }

  private mutating func drafts(_ spec: SourceMapping) -> [ProfileDraft] {
    readMode(spec)
    let defaults = RuleDefaults(describing: spec)
    let choice = choice(spec)
    var drafts: [ProfileDraft] = []
    if let rules = spec.mapping("rules") {
      if let draft = draft(rules, head.draft(file: notes.file), defaults) { drafts.append(draft) }
      notes.tell(rules.line, "spec.selector", choice.advice(profile: head.name))
    }
    if let containers = spec.mapping("rulesByContainer") { drafts += self.drafts(containers, choice, defaults) }
    spec.finish()
    if drafts.isEmpty { notes.lost(spec.line, spec.place, "it has no rules of a container, so there is no profile") }
    return drafts
  }

  private mutating func readMode(_ spec: SourceMapping) {
    switch spec.text("mode") {
    case "monitor": mode = .audit
    case "protect": mode = .enforce
    case nil:
      notes.tell(spec.line, spec.place, "a proposal has no mode; the profile enforces, and mode: Audit only reports")
    case let word?:
      notes.problems.add(spec.line(of: "mode"), "spec.mode is \(quoted(word)); monitor or protect is expected")
    }
  }

  /// The pods are those with a label that names the policy, or those that a selector chooses.
  private func choice(_ spec: SourceMapping) -> PodChoice {
    var choice = PodChoice()
    choice.namespaces = head.namespace.map { [$0] } ?? []
    if let selector = spec.mapping("selector") {
      choice.labels = selector.pairs("matchLabels")
      selector.lose("matchExpressions", "bindings name labels, and have no expressions; write a binding for each label")
      selector.finish()
    } else {
      choice.labels = [("security.rancher.io/policy", head.sourceName)]
    }
    return choice
  }

  private func drafts(
    _ containers: SourceMapping, _ choice: PodChoice, _ defaults: RuleDefaults
  ) -> [ProfileDraft] {
    containers.keys.compactMap { container in
      let line = containers.line(of: container)
      guard let rules = containers.mapping(container) else {
        notes.lost(
          line, containers.path(printable(container)),
          "it has no rules, and so allows nothing; write a profile with defaultAction: Block")
        return nil
      }
      let own = containers.keys.count == 1 ? head.name : "\(head.name)-\(container)"
      let name = notes.profileName(own, line: line, place: containers.path(printable(container)))
      var choice = choice
      choice.containers = [container]
      notes.tell(line, rules.place, choice.advice(profile: name))
      return draft(
        rules, head.draft(file: notes.file, name: name, part: "the container \(quoted(container)) in "), defaults)
    }
  }

  private func draft(_ rules: SourceMapping, _ draft: ProfileDraft, _ defaults: RuleDefaults) -> ProfileDraft? {
    var draft = draft
    draft.profile.mode = mode
    draft.comments.head += defaults.comment.map { [$0] } ?? []
    var section = ProcessSection()
    section.defaultAction = .block
    draft.profile.process = section
    if let executables = rules.mapping("executables") {
      for entry in executables.texts("allowed") { allow(entry, isDirectory: false, defaults, &draft) }
      for entry in executables.texts("allowedPrefixes") { allowPrefix(entry, defaults, &draft) }
      executables.finish()
    }
    rules.finish()
    return draft.finished(notes, line: rules.line)
  }

  private func allow(
    _ entry: (text: String, line: Int, place: String), isDirectory: Bool, _ defaults: RuleDefaults,
    _ draft: inout ProfileDraft
  ) {
    guard let path = notes.path(entry.text, isDirectory: isDirectory, line: entry.line, entry.place) else { return }
    var rule = PathRule(path: path, isDirectory: isDirectory, action: .allow, location: notes.location(entry.line))
    rule.recursive = isDirectory
    rule.tags = defaults.tags
    draft.process.add(rule, entry.place, notes)
  }

  private func allowPrefix(
    _ entry: (text: String, line: Int, place: String), _ defaults: RuleDefaults, _ draft: inout ProfileDraft
  ) {
    guard entry.text.utf8.last == UInt8(ascii: "/") else {
      notes.lost(
        entry.line, entry.place,
        "no rule stands for names that begin with \(quoted(entry.text)); write a rule for each program, or for a folder"
      )
      return
    }
    allow(entry, isDirectory: true, defaults, &draft)
  }
}
