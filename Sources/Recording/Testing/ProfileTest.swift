import Policy
import Seccomp

/// What a profile would have done to what recordings say.
package struct ProfileTest: Sendable {
  package struct Verdict: Sendable {
    package var operation: Operation
    /// nil: such operations are not counted.
    package var count: UInt64?
    /// nil: that cannot be told.
    package var action: Action?
    /// What decides, and where it stands.
    package var rule: String
    package var location: Location?
    package var reason: String
  }

  package let profile: Profile
  /// Of everything that was done, in the order of the recording.
  package let verdicts: [Verdict]
  let recording: Recording
  let judge: Judge
  let judgements: [Judgement]

  /// - Parameters:
  ///   - folder: where a filter of `type: Localhost` lies.
  ///   - recordings: at least one.
  ///   - tier: what it enforces is judged, and no more.
  /// - Throws: if the profile's filter cannot be built.
  package init(
    _ profile: Profile, folder: String, _ recordings: [Recording], tier: Tier = .lsm,
    _ environment: SeccompEnvironment
  ) throws(SeccompError) {
    let recording = Recording(merging: recordings)
    let judge = Judge(
      profile: profile.applyingMode(), filter: try Self.filter(of: profile, folder, environment),
      families: Set(recording.families.keys))
    let operations = recording.operations.filter { $0.operation.isJudged(at: tier, profile) }
    judgements = operations.map { judge.judgement(of: $0.operation) }
    (self.profile, self.recording, self.judge) = (profile, recording, judge)
    verdicts = zip(operations, judgements).map { operation, judgement in
      let part = profile.named(judgement.part)
      return Verdict(
        operation: operation.operation, count: operation.count, action: judgement.action, rule: part.text,
        location: part.location, reason: judgement.reason)
    }
  }

  private static func filter(
    of profile: Profile, _ folder: String, _ environment: SeccompEnvironment
  ) throws(SeccompError) -> ReplayedFilter? {
    guard let section = profile.seccomp else { return nil }
    let resolved = try resolve(
      section, profilesFolder: folder, mode: profile.mode, demands: FilterDemands(of: profile),
      environment: environment)
    return try ReplayedFilter(
      try adapt(resolved, to: .full).filter, of: resolved, architecture: environment.architecture)
  }

  package var denied: [Verdict] { verdicts.filter { $0.action == .block } }
  package var audited: [Verdict] { verdicts.filter { $0.action == .audit } }
  package var undecided: [Verdict] { verdicts.filter { $0.action == nil } }
}
