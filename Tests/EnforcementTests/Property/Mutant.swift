import Policy

/// The reference model with one rule of precedence broken on purpose: it decides about a copy of the profile, and of
/// the question, as they are if the rule is another one. The model itself has no switches for this.
struct Mutant: Sendable {
  /// What it does wrong.
  var name: String
  var apply: @Sendable (inout Profile, inout PropertyQuestion) -> Void

  init(_ name: String, _ apply: @escaping @Sendable (inout Profile, inout PropertyQuestion) -> Void) {
    (self.name, self.apply) = (name, apply)
  }

  func verdict(of profile: Profile, on question: PropertyQuestion) -> PropertyVerdict {
    var (profile, question) = (profile, question)
    apply(&profile, &question)
    return profile.verdict(on: question)
  }

  static let all = ofPaths + ofPrograms + ofArguments + ofFiles + ofNetwork + ofAudits
}

// MARK: Audits and parts of the kernel

extension Mutant {
  private static let ofAudits = [
    Mutant("mode: Audit changes nothing") { profile, _ in profile.mode = .enforce },
    Mutant("a temporary audit changes nothing") { _, question in question.inAudit = false },
    Mutant("of several parts of the kernel only the first counts") { _, question in
      if case .kernel(let surfaces) = question.what { question.what = .kernel(Array(surfaces.prefix(1))) }
    },
    Mutant("no families in kernel.sockets means all of them") { profile, _ in
      if profile.socketFamilies?.isEmpty == true { profile.socketFamilies = nil }
    },
  ]
}

// MARK: Path rules

extension PropertyQuestion {
  /// The path that a program's or a file's rules are asked about.
  var path: [UInt8] {
    switch what {
    case .exec(let image, _), .map(let image): image.path
    case .file(let path, _, _): path
    default: []
    }
  }

  /// Of a file: which accesses.
  var access: Set<Access>? { if case .file(_, let access, _) = what { access } else { nil } }

  var isOverLong: Bool { path.count > ProcessSection.pathMaxBytes }

  mutating func changeImage(_ change: (inout PropertyCase.Image) -> Void) {
    switch what {
    case .exec(var image, let arguments):
      change(&image)
      what = .exec(image, arguments: arguments)
    case .map(var image):
      change(&image)
      what = .map(image)
    default: break
    }
  }

  mutating func changeArguments(_ change: (inout [[UInt8]]) -> Void) {
    guard case .exec(let image, var arguments) = what else { return }
    change(&arguments)
    what = .exec(image, arguments: arguments)
  }
}

extension Profile {
  /// Changes the rules that are asked.
  mutating func changeRules(for question: PropertyQuestion, _ change: (inout [PathRule]) -> Void) {
    switch question.what {
    case .exec, .map: change(&process!.rules)
    case .file: change(&fileAccess!.rules)
    default: break
    }
  }

  mutating func changePathRules(for question: PropertyQuestion, _ change: (inout PathRule) -> Void) {
    changeRules(for: question) { rules in for index in rules.indices { change(&rules[index]) } }
  }
}

extension [PathRule] {
  /// The rules keep their numbers: what is taken away matches nothing any more.
  mutating func silence(_ isTaken: (Int, PathRule) -> Bool) {
    for index in indices where isTaken(index, self[index]) { self[index].silence() }
  }

  func matching(_ question: PropertyQuestion) -> [Int] {
    indices.filter { index in
      let rule = self[index]
      return rule.matches(question.path) && question.access?.isDisjoint(with: rule.access) != true
    }
  }

  /// Those of the greatest rank.
  func best(_ question: PropertyQuestion) -> [Int] {
    let found = matching(question)
    let rank = found.map { self[$0].rank }.max()
    return found.filter { self[$0].rank == rank }
  }
}

extension PathRule {
  /// No question has such a path.
  mutating func silence() { (path, isDirectory) = ("/nowhere/at/all", false) }
}
