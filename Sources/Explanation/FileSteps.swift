import Policy
import YAML

extension Explainer {
  /// A step for each access: other rules may decide about another access.
  func openSteps(_ path: String, _ access: Set<Access>) -> [Explanation.Step] {
    Access.allCases.filter(access.contains).map { openStep(path, $0) }
  }

  private func openStep(_ path: String, _ access: Access) -> Explanation.Step {
    let subject = "\(access.rawValue) of \(printable(path))"
    guard let section = profile.fileAccess else { return noSection(subject, "file") }
    let candidates = PathCandidates(
      section: "file", written: section.rules, rules: applied.fileAccess?.rules ?? [], path: Array(path.utf8),
      access: access)
    let decision = applied.decideFile(path: path, access: [access])
    var step = step(
      subject, decision.action, candidates.decider(profile.decider(of: decision, in: .file), decision),
      why: decision.reason == .overLongPath
        ? "the path has more than \(ProcessSection.pathMaxBytes) bytes, so the strictest action of the section holds"
        : candidates.why,
      effect: "EACCES", enforcer: tierName)
    step.candidates = Explanation.cut(candidates.candidates)
    step.near = Explanation.cut(candidates.near)
    return step
  }
}
