import YAML

/// What a node does not enforce of a profile for one container, and whether the container may start all the same.
/// Nothing else judges these two. Code that has an assessment acts on it, and looks at neither `failurePolicy` nor
/// `acceptPartial`.
package struct Assessment: Equatable, Sendable {
  /// The parts that the policy in the kernel goes without.
  package enum Omission: Sendable {
    /// The container's root does not tell new files from the image's.
    case newExecutables
    /// The container's processes cannot be told from the runtime's.
    case processRules
    /// Programs cannot be attached to the container's cgroup.
    case networkRules
  }

  package let profile: String
  /// The container is refused for these.
  package internal(set) var refused: [Gap] = []
  /// `failurePolicy: Ignore` lets these pass, it is too late to refuse, or nobody is refused for them. They must be
  /// reported.
  package internal(set) var ignored: [Gap] = []
  /// `acceptPartial` lets these pass: the author of the profile knows of them.
  package internal(set) var accepted: [Gap] = []
  /// Set also if the container is refused: a container that runs gets the rest.
  package internal(set) var omissions: Set<Omission> = []
  /// Why the container may not start, the first reason first; empty: it may.
  package internal(set) var objections: [String] = []

  /// Everything that is not enforced.
  package var gaps: [Gap] { refused + ignored + accepted }

  /// Why the container may not start, in one line with the profile first; nil: it may.
  package var refusal: String? { Self.line(objections).map { "profile \(quoted(profile)): \($0)" } }

  /// The first of several reasons, and how many more there are; nil: there are none.
  package static func line(_ reasons: [String]) -> String? {
    reasons.first.map { $0 + (reasons.count > 1 ? " (and \(reasons.count - 1) more)" : "") }
  }

  init(of profile: Profile) { self.profile = profile.name }
}

/// What of a profile a node does not enforce in any container. To know it, every rule is looked at.
package struct StandingAssessment: Sendable {
  package let node: NodeCapabilities
  fileprivate let judged: Assessment
  fileprivate let ofAudit: [Gap]
}

extension Profile {
  /// Judges what of this profile is enforced for a container on a node.
  package func assess(node: NodeCapabilities, container: ContainerFacts = ContainerFacts()) -> Assessment {
    assess(standing(on: node), container: container)
  }

  package func standing(on node: NodeCapabilities) -> StandingAssessment {
    var assessment = Assessment(of: self)
    judge(gaps(on: node), &assessment)
    return StandingAssessment(node: node, judged: assessment, ofAudit: gapsOfAudit(on: node))
  }

  /// - Parameter standing: of this very text.
  package func assess(_ standing: StandingAssessment, container: ContainerFacts) -> Assessment {
    let node = standing.node
    var assessment = container.isSandboxed ? Assessment(of: self) : standing.judged
    if container.isSandboxed { judge([gapOfSandboxed(runtimeHandler: container.runtimeHandler)], &assessment) }
    let ofRoot = gaps(ofRootOf: container)
    if !ofRoot.isEmpty { assessment.omissions.insert(.newExecutables) }
    let ofPaths = gapsOfPaths(on: node, of: container)
    judge(ofRoot + (mode == .enforce ? ofPaths : []), &assessment)
    if !container.isSandboxed { note(standing.ofAudit + (mode == .audit ? ofPaths : []), in: &assessment) }
    for loss in losses(container, on: node) { judge(loss, &assessment) }
    note(gapsOfLateConfinement(container) + gapsOfOlderFilter(on: node, of: container), in: &assessment)
    note(gapsByPacketSockets(on: node, of: container, omitting: assessment.omissions), in: &assessment)
    return assessment
  }

  /// Without an overlay nothing tells files of the image from new files. If processes cannot be told either, that
  /// already takes the rule away.
  private func gaps(ofRootOf container: ContainerFacts) -> [Gap] {
    let isKnown = container.rootIsOverlay == false && container.process?.sharesRuntimeNamespace != true
    return isKnown ? gapsWithoutOverlayRoot() : []
  }

  private func judge(_ gaps: [Gap], _ assessment: inout Assessment) {
    if gaps.isEmpty { return }  // an empty array that is added copies the other one
    let accepted = gaps.filter(accepts)
    let others = gaps.filter { !accepts($0) }
    assessment.accepted += accepted
    guard failurePolicy == .fail else { return assessment.ignored += others }
    assessment.refused += others
    assessment.objections += others.map(\.description)
  }

  private func judge(_ loss: Loss, _ assessment: inout Assessment) {
    if let omission = loss.omission { assessment.omissions.insert(omission) }
    guard !loss.isRefused else { return assessment.objections.append(loss.reason) }
    // Each rule appears once: what is lost for this container says more than what its node lacks.
    let subjects = Set(loss.gaps.map(\.subject))
    assessment.ignored.removeAll { subjects.contains($0.subject) }
    assessment.accepted.removeAll { subjects.contains($0.subject) }
    note(loss.gaps, in: &assessment)
  }

  /// It is too late to refuse, or nobody asks for a refusal.
  private func note(_ gaps: [Gap], in assessment: inout Assessment) {
    if gaps.isEmpty { return }
    assessment.accepted += gaps.filter(accepts)
    assessment.ignored += gaps.filter { !accepts($0) }
  }

  private func accepts(_ gap: Gap) -> Bool { gap.coverage == .partial && acceptPartial }
}

extension Profile {
  /// Accepts what a node of that tier can enforce only partly, for a profile that is made for the tier.
  ///
  /// - Returns: the place of the key that says so; nil: there is no such thing.
  package mutating func makeDo(with tier: Tier) -> String? {
    acceptPartial = assess(node: NodeCapabilities(tier: tier)).refused.contains { $0.coverage == .partial }
    return acceptPartial ? "spec.acceptPartial" : nil
  }
}
