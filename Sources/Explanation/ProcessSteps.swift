import Policy
import YAML

extension Explainer {
  func execSteps(_ program: Operation.Program, _ arguments: [String]) -> [Explanation.Step] {
    let file = execStep(program, [program.path] + arguments)
    guard let path = program.interpreter else { return [file] }
    var interpreter = program
    (interpreter.path, interpreter.interpreter, interpreter.isNew, interpreter.isFileless) = (path, nil, false, false)
    let script = node?.tier == .signal ? uncovered(file, "tier signal judges the interpreter of a script alone") : file
    // The kernel puts the interpreter in front, and the script's path in the place of its argv[0].
    return [script, execStep(interpreter, [path, program.path] + arguments)]
  }

  private func execStep(_ program: Operation.Program, _ arguments: [String]) -> Explanation.Step {
    let subject = "exec of \(printable(program.path))"
    guard let section = profile.process else { return noSection(subject, "process") }
    let decision = applied.decideExec(
      path: program.path, isNew: program.isNew, isFileless: program.isFileless, isEntrypoint: program.isEntrypoint,
      isRunByEnv: program.isRunByEnv, arguments: arguments)
    let kills = node?.tier == .signal || decision.reason == .argument || decision.reason == .overLongArguments
    return step(
      subject, decision, of: section, program,
      effect: kills
        ? "SIGKILL before the first instruction" : node == nil ? "EACCES, or SIGKILL at tier signal" : "EACCES")
  }

  func mapStep(_ program: Operation.Program) -> Explanation.Step {
    let subject = "mapping of \(printable(program.path))"
    guard let section = profile.process else { return noSection(subject, "process") }
    let decision = applied.decideMapping(path: program.path, isNew: program.isNew, isFileless: program.isFileless)
    var found = step(subject, decision, of: section, program, effect: "EACCES")
    if decision.reason == .defaultAction { found.why = "no rule matches, and what is mapped need not be listed" }
    return node?.tier == .signal ? uncovered(found, "tier signal does not judge what is mapped") : found
  }

  private func step(
    _ subject: String, _ decision: Decision, of section: ProcessSection, _ program: Operation.Program, effect: String
  ) -> Explanation.Step {
    let candidates = PathCandidates(
      section: "process", written: section.rules, rules: applied.process?.rules ?? [], path: Array(program.path.utf8))
    var step = step(
      subject, decision.action, candidates.decider(profile.decider(of: decision, in: .process), decision),
      why: why(decision, section, candidates), effect: effect, enforcer: tierName)
    step.candidates = Explanation.cut(candidates.candidates)
    step.near = Explanation.cut(candidates.near)
    return step
  }

  private func why(_ decision: Decision, _ section: ProcessSection, _ candidates: PathCandidates) -> String {
    switch decision.reason {
    case .fileless: "the file has no path, and no rule overrides this"
    case .newExecutables:
      "the file is not of the image, and newExecutables comes before "
        + (decision.rule.map { "process.rules[\($0)], which has no new: true" } ?? "the default")
    case .entrypoint: "no rule matches, and the entrypoint may run whatever defaultAction says"
    case .overLongPath:
      "the path has more than \(ProcessSection.pathMaxBytes) bytes, so the strictest rule about a directory holds"
    case .overLongArguments:
      "the arguments have more than \(PathRule.argumentsMaxBytes) bytes, so the strictest of its argument rules holds"
    case .argument:
      "the first of its argument rules that matches decides: " + (argumentRule(decision, section)?.words ?? "")
    case .rule, .defaultAction, .noSection: candidates.why
    }
  }

  private func argumentRule(_ decision: Decision, _ section: ProcessSection) -> ArgumentRule? {
    guard let rule = decision.rule, let argument = decision.argument else { return nil }
    return section.rules[rule].arguments[argument]
  }
}

extension ArgumentRule {
  fileprivate var words: String {
    "\(index.map { "argument \($0)" } ?? "an argument") \(kind.rawValue) \(quoted(text))"
  }
}
