import Daemon
import Policy
import Seccomp

/// What a node does not enforce of a profile that is well-formed.
struct NodeJudgement {
  let node: JudgedNode
  let loaded: LoadedProfile
  let file: String

  private var profile: Profile { loaded.profile }

  var findings: [Finding] {
    gaps + (loaded.seccomp.map(filter) ?? [])
  }

  private var gaps: [Finding] {
    guard let capabilities = node.capabilities else { return [] }
    let assessment = profile.assess(node: capabilities, container: loaded.usualContainer)
    // What the author accepted is only worth knowing.
    return findings(.error, assessment.refused) + findings(.warning, assessment.ignored)
      + findings(.note, assessment.accepted)
  }

  private func findings(_ severity: Finding.Severity, _ gaps: [Gap]) -> [Finding] {
    gaps.map { gap in
      Finding(severity, file: gap.location?.file ?? file, line: gap.location?.line, profile: profile.name, gap.text())
    }
  }

  /// Whether a runtime that cannot carry the filter starts containers all the same.
  private var startsWithoutFilter: Bool {
    var container = ContainerFacts()
    container.filterProblem = "the runtime cannot carry it"
    return profile.assess(node: .unlimited, container: container).refusal == nil
  }

  private func filter(_ seccomp: ResolvedSeccomp) -> [Finding] {
    let notes = seccomp.notes.filter { !$0.isWarning }.map { note($0, seccomp) }
    do {
      let carried = try adapt(seccomp, to: node.support)
      let ofRuntime = carried.notes.filter { !seccomp.notes.contains($0) }.map { note($0, seccomp) }
      return notes + ofRuntime + (node.containerd == nil ? [olderRuntimes(seccomp)] : [])
    } catch {
      return notes
        + error.problems(elsewhere: seccomp.location).map {
          Finding(startsWithoutFilter ? .warning : .error, $0, profile: profile.name)
        }
    }
  }

  private func note(_ note: SeccompNote, _ seccomp: ResolvedSeccomp) -> Finding {
    Finding(.note, Problem(note.location ?? seccomp.location, "seccomp: \(note.text)"), profile: profile.name)
  }

  /// If no version was given: which versions do not carry the filter.
  private func olderRuntimes(_ seccomp: ResolvedSeccomp) -> Finding {
    let needsErrno = (try? adapt(seccomp, to: .withoutErrno)) == nil
    let first = needsErrno ? ContainerdVersion.firstWithErrno : .firstWithFilters
    let what = startsWithoutFilter ? "starts containers without this filter" : "refuses containers"
    return Finding(
      .note, Problem(seccomp.location, "seccomp: needs containerd \(first): a node with an older one \(what)"),
      profile: profile.name)
  }
}
