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

  /// - Parameter subject: what asks for the filter.
  package func lostFilter(_ subject: String, because why: String, remedy: String) -> Gap {
    Gap(subject: subject, location: seccomp?.location, coverage: .none, why: why, remedy: remedy)
  }
}

extension Gap {
  fileprivate func lost(because why: String) -> Gap {
    Gap(
      subject: subject, location: location, coverage: .none, why: why,
      remedy: "with failurePolicy: Fail the container would be refused")
  }
}
