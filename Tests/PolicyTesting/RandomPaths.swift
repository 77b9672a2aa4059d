import Policy

/// Random path rules about a few paths that lie close together, so that the rules meet.
package struct RandomPaths {
  /// The folder in which all of it lies; empty: the root.
  package var folder: String
  /// What is executed or opened.
  package var files = ["a", "ab", "b", "d/a", "d/ab", "d/e/a", "d/e/b", "d/e/f/a", "de/a"]
  /// What rules about directories name. `""` is the folder itself.
  package var directories = ["", "d", "d/e", "d/e/f", "de"]
  package var words = ["", "x", "xy", "yx", "xyxy", "-x", "y y", "xx"]

  package init(folder: String) { self.folder = folder }

  package func path(_ name: String) -> String { name.isEmpty ? folder : "\(folder)/\(name)" }

  package func process(_ random: inout SplitMix) -> ProcessSection {
    var section = ProcessSection()
    section.defaultAction = Action.allCases.randomElement(using: &random)!
    // Where everything is new, mostly allowed, so that the rules are seen.
    section.newExecutables = [.allow, .allow, .allow, .audit, .block].randomElement(using: &random)!
    section.rules = (0..<Int.random(in: 0...7, using: &random)).map { _ in
      var rule = rule(among: files, &random)
      rule.allowNew = Bool.random(using: &random)
      if Bool.random(using: &random) {
        rule.arguments = (0..<Int.random(in: 1...3, using: &random)).map { _ in argument(&random) }
      }
      return rule
    }
    return section
  }

  package func file(_ random: inout SplitMix) -> FileSection {
    var section = FileSection()
    section.defaultAction = Action.allCases.randomElement(using: &random)!
    section.rules = (0..<Int.random(in: 0...7, using: &random)).map { _ in
      var rule = rule(among: files + directories, &random)
      rule.access = Self.accesses.randomElement(using: &random)!
      return rule
    }
    return section
  }

  package static let accesses: [Set<Access>] = [[.read], [.write], [.read, .write]]

  private func rule(among files: [String], _ random: inout SplitMix) -> PathRule {
    let isDirectory = Bool.random(using: &random)
    let name = (isDirectory ? directories : files).randomElement(using: &random)!
    let isRoot = path(name).isEmpty
    // The root is never a file.
    var rule = PathRule(
      path: isRoot ? "/" : path(name), isDirectory: isDirectory || isRoot,
      action: Action.allCases.randomElement(using: &random)!, location: Location(file: "random.yaml", line: 1))
    rule.recursive = rule.isDirectory && Bool.random(using: &random)
    return rule
  }

  private func argument(_ random: inout SplitMix) -> ArgumentRule {
    ArgumentRule(
      kind: ArgumentRule.Kind.allCases.randomElement(using: &random)!,
      text: words.dropFirst().randomElement(using: &random)!,
      index: Bool.random(using: &random) ? nil : Int.random(in: 0...3, using: &random),
      action: Action.allCases.randomElement(using: &random)!)
  }
}
