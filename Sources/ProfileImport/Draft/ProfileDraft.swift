import Policy
import YAML

/// A profile while a document becomes it.
struct ProfileDraft {
  var profile: Profile
  var comments = YAMLComments()
  var process = PathRuleList()
  var file = PathRuleList()
  var egress = NetworkRuleList()
  /// The sections that are already about all that a condition with Not leaves over.
  var closedSections: Set<Section> = []
  enum Section { case process, file, egress }

  /// What the profile's head says before all that is lost.
  var title: String

  init(name: String, file: String, title: String) {
    profile = Profile(name: name, file: file)
    self.title = title
  }

  /// Whether a section has no rule yet.
  func isEmpty(_ section: Section) -> Bool {
    switch section {
    case .process: process.isEmpty
    case .file: file.isEmpty
    case .egress: egress.isEmpty
    }
  }

  /// The profile with its rules, or nil if nothing of the document can be carried over, which is told as lost.
  func finished(_ notes: ImportNotes, line: Int) -> ProfileDraft? {
    var draft = self
    draft.leaveOutMilder(notes)
    draft.takeRules(notes)
    guard draft.profile.saysSomething else {
      notes.lost(line, title, "nothing of it can be carried over, so there is no profile")
      return nil
    }
    return draft
  }

  /// In a section that a condition with Not has closed, the rules are exceptions.
  private mutating func leaveOutMilder(_ notes: ImportNotes) {
    if !closedSections.contains(.process) { process.leaveOutMilder(notes) }
    if !closedSections.contains(.file) { file.leaveOutMilder(notes) }
    if !closedSections.contains(.egress) { egress.leaveOutMilder(notes) }
  }

  private mutating func takeRules(_ notes: ImportNotes) {
    if !process.isEmpty || profile.process != nil {
      var section = profile.process ?? ProcessSection()
      section.rules = take(process, "spec.process.rules", notes)
      profile.process = section
    }
    if !file.isEmpty || profile.fileAccess != nil {
      var section = profile.fileAccess ?? FileSection()
      section.rules = take(file, "spec.file.rules", notes)
      profile.fileAccess = section
    }
    if !egress.isEmpty { profile.network.egress = take(egress, "spec.network.egress", defaultAction: .allow) }
  }

  /// A direction's rules, with their comments.
  mutating func take(_ list: NetworkRuleList, _ place: String, defaultAction: Action) -> NetworkDirection {
    var direction = NetworkDirection()
    direction.defaultAction = defaultAction
    for (index, found) in list.entries.enumerated() {
      direction.rules.append(found.rule)
      if let comment = found.comment { comments.beside["\(place).rules[\(index)]"] = comment }
    }
    return direction
  }

  private mutating func take(_ list: PathRuleList, _ place: String, _ notes: ImportNotes) -> [PathRule] {
    let rules = list.rules
    if rules.count > PathRuleParser.rulesMax {
      notes.problems.add(
        rules[PathRuleParser.rulesMax].rule.location.line,
        "the document makes \(rules.count) rules of \(place); at most \(PathRuleParser.rulesMax) fit; divide it")
    }
    for (index, found) in rules.enumerated() {
      if let comment = found.comment { comments.beside["\(place)[\(index)]"] = comment }
    }
    return rules.map(\.rule)
  }

  /// The profile's text. Its head says where it comes from, and what is lost.
  func text(lost: [ImportNote]) -> String {
    var comments = comments
    comments.head = ["Imported from \(title)."] + comments.head
    if !lost.isEmpty {
      comments.head += ["", "Not carried over:"]
      comments.head += lost.map { "- line \($0.location.line), \($0.place): \($0.text)" }
    }
    return ProfileWriter(profile).text(comments)
  }
}

extension Profile {
  /// Whether a section has anything to say.
  fileprivate var saysSomething: Bool {
    seccomp != nil || process != nil || fileAccess != nil || network.egress != nil || network.ingress != nil
      || !kernelBlock.isEmpty
  }
}

extension ImportNotes {
  /// The profile's name, made from a policy's name where that cannot be one.
  func profileName(_ name: String, line: Int, place: String) -> String {
    if ProfileName.isValid(name), name != ProfileName.unconfined { return name }
    let made = name == ProfileName.unconfined ? "imported-unconfined" : Self.validName(name)
    tell(line, place, "a profile cannot be named \(quoted(name)); it is named \(quoted(made))")
    return made
  }

  private static func validName(_ name: String) -> String {
    let bytes = name.lowercased().utf8.prefix(ProfileName.maxBytes).map { byte in
      ProfileName.isValid(String(decoding: [byte], as: UTF8.self)) || byte == UInt8(ascii: ".")
        ? byte : UInt8(ascii: "-")
    }
    let isEdge: (UInt8) -> Bool = { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    var trimmed = bytes.drop(while: isEdge)
    while let last = trimmed.last, isEdge(last) { trimmed.removeLast() }
    return trimmed.isEmpty ? "imported" : String(decoding: trimmed, as: UTF8.self)
  }

  /// The path as rules write it; nil: no rule can have it, which is told as lost.
  func path(_ text: String, isDirectory: Bool, line: Int, _ place: String) -> String? {
    if let problem = PathSyntax.problem(text, isDirectory: isDirectory) {
      lost(line, place, "\(quoted(text)) \(problem)")
      return nil
    }
    return isDirectory && text != "/" && text.utf8.last == UInt8(ascii: "/")
      ? String(decoding: text.utf8.dropLast(), as: UTF8.self) : text
  }

  /// Tags as rules take them. Characters that no tag has become `_`, which is told.
  func tags(_ texts: [(text: String, line: Int, place: String)]) -> [String] {
    var tags: [String] = []
    for (text, line, place) in texts {
      let tag = RuleTags.written(text)
      if tag != text { tell(line, place, "\(quoted(text)) is no tag here; it is written \(quoted(tag))") }
      if tag.isEmpty || tags.contains(tag) { continue }
      guard tags.count < RuleTags.maximum else {
        lost(line, place, "a rule has at most \(RuleTags.maximum) tags; \(quoted(tag)) is left out")
        continue
      }
      tags.append(tag)
    }
    return tags
  }
}
