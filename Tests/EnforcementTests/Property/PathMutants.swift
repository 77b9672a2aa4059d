import Policy

// Which path rule is asked.
extension Mutant {
  static let ofPaths = ["programs", "files"].flatMap { (section: String) in
    ofRank.map { mutant in
      Mutant("\(section): \(mutant.name)") { profile, question in
        if (section == "files") == (question.access != nil) { mutant.apply(&profile, &question) }
      }
    }
  }

  private static let ofRank = [
    Mutant("a directory comes before an exact path") { profile, question in
      profile.changeRules(for: question) { rules in
        let found = rules.matching(question)
        if found.contains(where: { rules[$0].isDirectory }) { rules.silence { !$1.isDirectory } }
      }
    },
    Mutant("the shortest directory decides") { profile, question in
      profile.changeRules(for: question) { rules in
        let directories = rules.matching(question).filter { rules[$0].isDirectory }
        let shortest = directories.map { rules[$0].rank }.min()
        rules.silence { directories.contains($0) && $1.rank != shortest }
      }
    },
    Mutant("of equal rules Allow comes before Audit and Block") { profile, question in
      profile.changeRules(for: question) { rules in
        let best = rules.best(question)
        let mildest = best.map { rules[$0].action }.min()
        rules.silence { best.contains($0) && $1.action != mildest }
      }
    },
    Mutant("of equal rules the last one decides") { profile, question in
      profile.changeRules(for: question) { rules in
        guard let first = rules.candidates(question.path, access: question.access?.first).first else { return }
        let equal = rules.best(question).filter {
          (rules[$0].action, rules[$0].strictest) == (rules[first].action, rules[first].strictest)
        }
        rules.silence { (index, _) in equal.contains(index) && index != equal.last }
      }
    },
    Mutant("a directory that is not recursive counts as one") { profile, question in
      profile.changePathRules(for: question) { $0.recursive = $0.isDirectory }
    },
    Mutant("a recursive directory means only what is right in it") { profile, question in
      profile.changePathRules(for: question) { $0.recursive = false }
    },
    Mutant("a directory means itself too") { profile, question in
      profile.changePathRules(for: question) { rule in
        if rule.isDirectory, Array(rule.path.utf8) == question.path { rule.isDirectory = false }
      }
    },
    Mutant("an exact path means also what is below it") { profile, question in
      profile.changePathRules(for: question) { rule in
        if !rule.isDirectory, question.path.starts(with: Array("\(rule.path)/".utf8)) {
          (rule.isDirectory, rule.recursive) = (true, true)
        }
      }
    },
    Mutant("an over-long path is judged by the default alone") { profile, question in
      if question.isOverLong { profile.changeRules(for: question) { $0 = [] } }
    },
    Mutant("an over-long path is judged by its beginning") { _, question in
      let cut = Array(question.path.prefix(ProcessSection.pathMaxBytes))
      question.changeImage { $0.path = cut }
      if case .file(_, let access, let reach) = question.what { question.what = .file(path: cut, access, reach) }
    },
  ]
}

// What comes before the rules about programs, and behind them.
extension Mutant {
  static let ofPrograms = [
    Mutant("rules come before newExecutables") { profile, question in
      profile.changePathRules(for: question) { $0.allowNew = true }
    },
    Mutant("new: true changes nothing") { profile, question in
      profile.changePathRules(for: question) { $0.allowNew = false }
    },
    Mutant("of a new file that a rule blocks the rule is the reason") { profile, question in
      var allowed = profile
      allowed.process?.newExecutables = .allow
      if allowed.verdict(on: question).action == .block { profile = allowed }
    },
    Mutant("what newExecutables says softens a stricter rule") { profile, question in
      guard case .exec(let image, _) = question.what, image.isNew, profile.process!.newExecutables == .audit else {
        return
      }
      profile.changePathRules(for: question) { rule in
        if !rule.allowNew { (rule.action, rule.arguments) = (min(rule.action, .audit), []) }
      }
    },
    Mutant("fileless comes behind the rules") { _, question in question.changeImage { $0.isFileless = false } },
    Mutant("the entrypoint overrides Block rules") { profile, question in
      guard case .exec(let image, _) = question.what, image.isEntrypoint, profile.process!.allowEntrypoint else {
        return
      }
      profile.changePathRules(for: question) { if $0.action == .block { $0.silence() } }
    },
    Mutant("the entrypoint is like every other program") { _, question in
      question.changeImage { $0.isEntrypoint = false }
    },
    Mutant("what env starts is like every other program") { _, question in
      question.changeImage { $0.isRunByEnv = false }
    },
    Mutant("env starts new files by the entrypoint's exception") { _, question in
      question.changeImage { if $0.isRunByEnv { $0.isEntrypoint = true } }
    },
    Mutant("what is mapped has to be listed") { _, question in
      if case .map(let image) = question.what { question.what = .exec(image, arguments: []) }
    },
    Mutant("a mapping is judged without the argument rules") { profile, question in
      guard case .map = question.what else { return }
      profile.changePathRules(for: question) { $0.arguments = [] }
    },
  ]
}

// Argument rules.
extension Mutant {
  static let ofArguments = [
    Mutant("of equal rules those with the stricter argument rules do not come first") { profile, question in
      profile.changeRules(for: question) { rules in
        let best = rules.best(question)
        guard let action = best.map({ rules[$0].action }).max() else { return }
        let equal = best.filter { rules[$0].action == action }
        rules.silence { (index, _) in equal.contains(index) && index != equal.first }
      }
    },
    Mutant("the second argument rule that matches decides") { profile, question in
      guard case .exec(_, let arguments) = question.what else { return }
      profile.changePathRules(for: question) { rule in
        let matching = rule.arguments.indices.filter { rule.arguments[$0].isMatched(by: arguments) }
        if matching.count > 1 { rule.arguments[matching[0]].text = Self.unused }
      }
    },
    Mutant("an argument's index is not looked at") { profile, question in
      profile.changeArgumentRules(for: question) { $0.index = nil }
    },
    Mutant("argv[0] is not looked at") { _, question in
      question.changeArguments { $0[0] = [UInt8](repeating: UInt8(ascii: "?"), count: $0[0].count) }
    },
    Mutant("equals means prefix") { profile, question in
      profile.changeArgumentRules(for: question) { if $0.kind == .equals { $0.kind = .prefix } }
    },
    Mutant("prefix means contains") { profile, question in
      profile.changeArgumentRules(for: question) { if $0.kind == .prefix { $0.kind = .contains } }
    },
    Mutant("contains means prefix") { profile, question in
      profile.changeArgumentRules(for: question) { if $0.kind == .contains { $0.kind = .prefix } }
    },
    Mutant("of over-long arguments the beginning decides") { _, question in
      question.changeArguments { arguments in
        let total = arguments.reduce(0) { $0 + $1.count + 1 }
        arguments[arguments.count - 1].removeLast(max(0, total - PathRule.argumentsMaxBytes))
      }
    },
    Mutant("the longest arguments are over-long") { _, question in
      question.changeArguments { arguments in
        let total = arguments.reduce(0) { $0 + $1.count + 1 }
        if total == PathRule.argumentsMaxBytes { arguments[arguments.count - 1].append(UInt8(ascii: "x")) }
      }
    },
  ]

  /// No argument has it.
  private static let unused = "!!"
}

extension ArgumentRule {
  /// By itself, whatever the rules around it.
  fileprivate func isMatched(by arguments: [[UInt8]]) -> Bool {
    var profile = Profile(name: "one", file: "one.yaml")
    profile.process = ProcessSection()
    var rule = PathRule(path: "/a", isDirectory: false, action: .allow, location: Location(file: "one.yaml", line: 1))
    rule.arguments = [self]
    profile.process!.rules = [rule]
    return profile.decideExec(path: Array("/a".utf8), arguments: arguments).reason == .argument
  }
}

extension Profile {
  fileprivate mutating func changeArgumentRules(
    for question: PropertyQuestion, _ change: (inout ArgumentRule) -> Void
  ) {
    changePathRules(for: question) { rule in
      for index in rule.arguments.indices { change(&rule.arguments[index]) }
    }
  }
}

// What an access to a file reaches.
extension Mutant {
  static let ofFiles = [
    Mutant("a rule speaks of every access") { profile, question in
      if question.access != nil { profile.changePathRules(for: question) { $0.access = Set(Access.allCases) } }
    },
    Mutant("of several accesses the first one decides") { _, question in
      if case .file(let path, let access, let reach) = question.what, access.count > 1 {
        question.what = .file(path: path, [.read], reach)
      }
    },
    Mutant("a folder that moves takes nothing along") { _, question in
      if case .file(let path, let access, .tree) = question.what { question.what = .file(path: path, access, .names) }
    },
    Mutant("in place of a folder no rule is about what is below it") { _, question in
      if case .file(let path, let access, .names) = question.what { question.what = .file(path: path, access, .file) }
    },
    Mutant("a file is taken for a folder that rules name") { _, question in
      if case .file(let path, let access, .file) = question.what { question.what = .file(path: path, access, .names) }
    },
  ]
}
