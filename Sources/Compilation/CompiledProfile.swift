import Policy
import Synchronization

/// What is recorded of a container.
package enum RecordingDetail: Sendable {
  case nothing, facts
  /// Execs with other arguments are other facts.
  case factsWithArguments
}

/// A profile with what the kernel's tables hold of it. So nothing is compiled when a container starts.
///
/// It stays in memory as long as the profile. A rule about a path takes 300 bytes. So a section with as many rules as
/// it may have (4096) takes about 1 MB.
package struct CompiledProfile: Sendable {
  package let profile: Profile
  /// The whole policy. `reduced` leaves out what a node or a container does not enforce, before the policy is written.
  package let policy: CompiledPolicy
  /// Where links of a container's root can lead rules elsewhere.
  package let paths: RulePaths
  /// A number of this text alone, in place of a comparison of all rules.
  package let text = UInt64.random(in: .min ... .max)

  package let recording: RecordingDetail
  private let standing = StandingAssessments()

  /// The policy audits what the profile allows. The profile is still what is assessed, and what events name.
  package var isRecorded: Bool { recording != .nothing }

  package init(_ profile: Profile, recording: RecordingDetail = .nothing) throws(CompilationError) {
    self.profile = profile
    self.recording = recording
    let isRecorded = recording != .nothing
    policy = try PolicyCompiler.compile(profile, isRecorded: isRecorded)
    paths = RulePaths(of: profile)
  }

  /// As the profile's own `assess`, but rules are looked at only for the first container on a node.
  package func assess(node: NodeCapabilities, container: ContainerFacts) -> Assessment {
    profile.assess(standing.of(profile, on: node), container: container)
  }

  /// The profile in a container in which its rules have these aliases.
  package func following(_ aliases: RuleAliases) -> CompiledProfile {
    if aliases.isEmpty { return self }
    var policy = policy
    policy.setPaths(of: profile.following(aliases), isRecorded: isRecorded)
    return CompiledProfile(profile, policy, paths, recording)
  }

  private init(_ profile: Profile, _ policy: CompiledPolicy, _ paths: RulePaths, _ recording: RecordingDetail) {
    (self.profile, self.policy, self.paths, self.recording) = (profile, policy, paths, recording)
  }
}

/// The newest node's. What a node can do changes seldom.
private final class StandingAssessments: Sendable {
  private let last = Mutex<StandingAssessment?>(nil)

  func of(_ profile: Profile, on node: NodeCapabilities) -> StandingAssessment {
    last.withLock { last in
      if let last, last.node == node { return last }
      let found = profile.standing(on: node)
      last = found
      return found
    }
  }
}

extension CompiledProfile: Equatable {
  /// The policy follows from the profile.
  package static func == (a: Self, b: Self) -> Bool {
    a.profile == b.profile && a.recording == b.recording
  }
}
