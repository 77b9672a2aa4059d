/// What one container goes without, although its node could enforce it: found at the start, where
/// `failurePolicy: Ignore` lets it pass.
extension Profile {
  /// What the profile says of processes: `process`, `file` and `kernel`.
  package func lostProcessRules(because why: String) -> [Gap] {
    var profile = self
    profile.minimumTier = .none
    return profile.gaps(on: NodeCapabilities(tier: .none)).map { $0.lost(because: why) }
  }

  package func lostNetworkRules(because why: String) -> [Gap] {
    gaps(on: NodeCapabilities(tier: .lsm, networkProblem: why)).map { $0.lost(because: why) }
  }

  /// What the profile says of processes holds of all but those that were there before the container.
  package func lostProcesses(because why: String) -> Gap {
    Gap(
      subject: "process, file and kernel for what hooks left", location: nil, coverage: .none, why: why,
      remedy: Gap.remedy)
  }

  /// Of a container that ran before anything of the profile was in force.
  ///
  /// - Parameter hasFilter: it has a seccomp filter, where the profile sets one.
  package func lostBefore(hasFilter: Bool) -> [Gap] {
    let restart = "start the container anew"
    let rules = Gap(
      subject: "process, file and kernel for what it did before", location: nil, coverage: .partial,
      why: "the container ran before it was confined: its programs and open files are what they are", remedy: restart)
    let filter = Gap(
      subject: "seccomp", location: seccomp?.location, coverage: .partial,
      why: "the container ran before it was confined: its filter may be another than the profile's", remedy: restart)
    return (lostProcessRules(because: "").isEmpty ? [] : [rules]) + (hasFilter ? [filter] : [])
  }

  /// - Parameter subject: what asks for the filter.
  package func lostFilter(_ subject: String, because why: String, remedy: String) -> Gap {
    Gap(subject: subject, location: seccomp?.location, coverage: .none, why: why, remedy: remedy)
  }
}

extension Gap {
  fileprivate static let remedy = "with failurePolicy: Fail the container would be refused"

  fileprivate func lost(because why: String) -> Gap {
    Gap(
      subject: subject, location: location, coverage: .none, why: why, remedy: Self.remedy)
  }
}
