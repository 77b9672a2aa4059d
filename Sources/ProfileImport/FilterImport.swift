import Policy
import Seccomp
import YAML

/// Seccomp filters: files of OCI, Docker and Podman, and SeccompProfile of the Security Profiles Operator.
struct FilterImport {
  let notes: ImportNotes
  let options: ImportOptions
  let environment: SeccompEnvironment

  init(_ notes: ImportNotes, _ options: ImportOptions, _ environment: SeccompEnvironment) {
    (self.notes, self.options) = (notes, options)
    var environment = environment
    environment.capabilities.formUnion(options.capabilities)
    // Every kernel on which Stockade runs is as new.
    environment.kernel = KernelVersion(6, 1)
    self.environment = environment
  }

  /// A file that is a filter.
  func file(_ document: SourceDocument) -> ProfileDraft? {
    let base = ObjectHead.baseName(notes.file)
    let stem = String(base.prefix { $0 != "." })
    let name = options.name ?? notes.profileName(stem, line: 1, place: "the file's name")
    let draft = ProfileDraft(name: name, file: notes.file, title: "the seccomp filter \(quoted(base))")
    return options.localhost ? reference(document, base, draft) : inline(document.root, draft)
  }

  /// The filter within the profile.
  func inline(_ root: Node, _ draft: ProfileDraft) -> ProfileDraft? {
    guard !root.allowsEverything else {
      notes.lost(root.line, draft.title, "it allows every call, so there is no profile")
      return nil
    }
    var draft = draft
    do {
      let plain = try PlainFilter(root, file: notes.file, environment: environment)
      for note in plain.notes { notes.lost(note.location?.line ?? root.line, "the filter", note.text) }
      for (location, text) in plain.void { notes.tell(location.line, "the filter", text) }
      tellArchitectures(plain.filter, root)
      for rule in plain.conditional { tell(rule) }
      let found = plain.problems(environment: environment, at: notes.location(root.line))
      guard found.isEmpty else { return refuse(found) }
      comment(plain.filter, root, &draft)
      draft.profile.seccomp = SeccompSection(source: .inline(plain.filter), location: notes.location(root.line))
      return draft
    } catch { return refuse(error.problems(elsewhere: notes.location(root.line))) }
  }

  /// The filter's file beside the profile: it keeps its conditions.
  private func reference(_ document: SourceDocument, _ base: String, _ draft: ProfileDraft) -> ProfileDraft? {
    let root = document.root
    var draft = draft
    guard document.isWholeJSON, notes.file != "-" else {
      notes.problems.add(
        root.line,
        "--localhost is for a filter in a file of JSON, which a node can read as it is; leave --localhost out, or write "
          + "the filter to a file as JSON")
      return nil
    }
    do { _ = try PlainFilter(root, file: notes.file, environment: environment) } catch {
      return refuse(error.problems(elsewhere: notes.location(root.line)))
    }
    var section = SeccompSection(source: .localhost(base), location: notes.location(root.line))
    section.addedCapabilities = options.capabilities
    draft.profile.seccomp = section
    notes.tell(
      root.line, "the filter", "copy \(notes.file) as \(base) into the profiles folder (/etc/stockade/profiles)")
    return draft
  }

  private func refuse(_ problems: [Problem]) -> ProfileDraft? {
    for problem in problems { notes.problems.add(problem.location.line, problem.message) }
    return nil
  }

  private func tell(_ rule: PlainFilter.ConditionalRule) {
    let place = "syscalls[\(rule.index)]"
    if rule.applies || rule.isForeign {
      let then = rule.applies ? "it is written without this condition" : "where there is no Stockade; it is left out"
      notes.tell(rule.location.line, place, "the rule holds \(rule.conditions); \(then)")
    } else {
      let more =
        rule.capabilities.isEmpty
        ? ""
        : "give \(rule.capabilities.map { "--capability \($0)" }.joined(separator: " ")) if the containers have it, or "
      notes.lost(
        rule.location.line, place,
        "the rule holds \(rule.conditions), and is left out; \(more)import with --localhost, which keeps the conditions"
      )
    }
  }

  private func tellArchitectures(_ filter: SeccompFilter, _ root: Node) {
    guard let map = root["archMap"], map.elements?.isEmpty == false else { return }
    notes.tell(
      map.line, "archMap",
      "the profile is for \(environment.architecture.rawValue): \(filter.architectures.joined(separator: " ")); import "
        + "on a node of another architecture, or with --localhost, which keeps the map")
  }

  /// The comments of the file and its own rules.
  private func comment(_ filter: SeccompFilter, _ root: Node, _ draft: inout ProfileDraft) {
    if let text = root["comment"]?.text, !text.isEmpty { draft.comments.head.append(text) }
    let rules = root["syscalls"]?.elements ?? []
    for (place, rule) in filter.syscalls.enumerated() {
      guard let index = rule.index, rules.indices.contains(index), let text = rules[index]["comment"]?.text,
        !text.isEmpty
      else { continue }
      draft.comments.above["spec.seccomp.syscalls[\(place)]"] = [text]
    }
  }
}

extension FilterImport {
  /// The most profiles of which each is the base of another.
  private static let basesMax = 8

  /// A SeccompProfile.
  ///
  /// - Parameter others: the profiles that are imported with it, by name: one of them may be its base.
  func seccompProfile(_ document: SourceDocument, _ others: [String: Node]) -> ProfileDraft? {
    document.object(name: options.name) { spec, head in read(spec, head, others) } ?? nil
  }

  private func read(_ spec: SourceMapping, _ head: ObjectHead, _ others: [String: Node]) -> ProfileDraft? {
    if options.localhost {
      notes.problems.add(spec.line, "--localhost is for a filter in a file of JSON; leave it out")
      return nil
    }
    if spec.text("state") == "Disabled" || spec.bool("disabled") {
      notes.tell(spec.line, spec.place, "it is disabled; the profile is in force as soon as a container has it")
    }
    let bases = bases(spec, others)
    let filter = spec.node.filterAlone(bases.flatMap { $0["spec"]?["syscalls"]?.elements ?? [] })
    for key in Node.filterKeys { spec.pass(key) }
    spec.finish()
    tellNamespace(head)
    return inline(filter, head.draft(file: notes.file))
  }

  private func tellNamespace(_ head: ObjectHead) {
    guard let namespace = head.namespace else { return }
    var choice = PodChoice()
    choice.namespaces = [namespace]
    notes.tell(head.line, "metadata.namespace", choice.advice(profile: head.name))
  }

  private func bases(_ spec: SourceMapping, _ others: [String: Node]) -> [Node] {
    var found: [Node] = []
    var next = spec.text("baseProfileName")
    let line = spec.line(of: "baseProfileName")
    while let name = next {
      guard let base = others[name], found.count < Self.basesMax else {
        notes.lost(
          line, spec.path("baseProfileName"),
          found.count < Self.basesMax
            ? "the calls of \(quoted(name)) are not in these files; name the file with it too"
            : "more than \(Self.basesMax) profiles are the base of another; join some of them")
        break
      }
      notes.tell(line, spec.path("baseProfileName"), "the rules of \(quoted(name)) are written into the profile")
      found.append(base)
      next = base["spec"]?["baseProfileName"]?.text
    }
    return found
  }
}

extension Node {
  /// What a SeccompProfile's `spec` has of a filter.
  fileprivate static let filterKeys = [
    "defaultAction", "defaultErrnoRet", "architectures", "flags", "listenerPath", "listenerMetadata", "syscalls",
  ]

  /// Whether the filter does nothing.
  fileprivate var allowsEverything: Bool {
    let allow = "SCMP_ACT_ALLOW"
    return self["defaultAction"]?.text == allow
      && (self["syscalls"]?.elements ?? []).allSatisfy { $0["action"]?.text == allow }
  }

  /// The filter of a SeccompProfile.
  ///
  /// - Parameter more: rules of its bases.
  fileprivate func filterAlone(_ more: [Node]) -> Node {
    var entries = (entries ?? []).filter { Self.filterKeys.contains($0.key) && $0.key != "syscalls" }
    let rules = more + (self["syscalls"]?.elements ?? [])
    if !rules.isEmpty || self["syscalls"] != nil {
      let line = self["syscalls"]?.line ?? line
      entries.append(.init(key: "syscalls", line: line, value: Node(.sequence(rules), line: line)))
    }
    return Node(.mapping(entries), line: line)
  }
}
