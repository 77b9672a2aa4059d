import Policy
import Seccomp
import System

/// Explains operations under one profile, on one node, and perhaps for one container. The reference model of Policy
/// decides.
package struct Explainer: Sendable {
  /// The system call filter that counts.
  package enum Filter: Sendable {
    case known(ReplayedFilter)
    /// - Parameter why: why it is not known, in a sentence.
    case unknown(why: String)
  }

  /// As its author wrote it, with the rules that links of the container's root add.
  package var profile: Profile
  package var filter: Filter
  /// nil: it is not known.
  package var node: NodeCapabilities?
  /// Why the node is not known.
  package var nodeProblem = ""
  package var container = ContainerFacts()
  /// Until when a temporary audit softens what the profile blocks. nil: none does.
  package var auditedUntilNanoseconds: Int64?
  /// What is worth knowing of any operation.
  package var notes: [String] = []

  package init(_ profile: Profile, filter: Filter, node: NodeCapabilities?) {
    (self.profile, self.filter, self.node) = (profile, filter, node)
  }

  package func explain(_ operation: Operation) -> Explanation {
    var explanation = Explanation()
    explanation.operation = operation.text
    explanation.profile = profile.name
    explanation.steps = filterSteps(operation) + familySteps(operation) + ownSteps(operation)
    explanation.notes = notes + notesOfNode
    return explanation
  }

  private func ownSteps(_ operation: Operation) -> [Explanation.Step] {
    switch operation {
    case .exec(let program, let arguments): execSteps(program, arguments)
    case .map(let program): [mapStep(program)]
    case .open(let path, let access): openSteps(path, access)
    case .connect(let endpoint): [connectStep(endpoint)]
    case .accept(let peer, let port): [acceptStep(peer, port)]
    case .bind(let port): [bindStep(port)]
    case .surface(let surface): [surfaceStep(surface)]
    case .socket(let family): socketSteps(family)
    case .syscall: []
    }
  }

  private var notesOfNode: [String] {
    var notes: [String] = []
    if node == nil, !nodeProblem.isEmpty { notes.append("what this node enforces is not known: \(nodeProblem)") }
    if let refusal = assessment?.refusal { notes.append("a container is refused here: \(refusal)") }
    return notes
  }

  var assessment: Assessment? { node.map { profile.assess(node: $0, container: container) } }
}

// MARK: What every step needs

extension Explainer {
  /// The profile as the kernel has it: in `mode: Audit` every Block is an Audit.
  var applied: Profile { profile.applyingMode() }

  /// The step of a decision that temporary audits soften.
  func step(
    _ subject: String, _ action: Action, _ decider: Decider, why: String, effect: String, enforcer: String
  ) -> Explanation.Step {
    var step = Explanation.Step()
    (step.subject, step.action, step.why) = (subject, action, why)
    (step.decider, step.location) = (decider.text, decider.location)
    if profile.mode == .audit, action == .audit { step.why += "; mode: Audit only reports what would be blocked" }
    if action == .block, let until = auditedUntilNanoseconds {
      step.action = .audit
      step.why += "; a temporary audit lets it pass until \(Timestamp.rfc3339(nanoseconds: until))"
    }
    step.effect = Self.effect(of: step.action, blocked: effect)
    cover(&step, decider.key, enforcer)
    return step
  }

  static func effect(of action: Action, blocked: String) -> String {
    switch action {
    case .allow: "it goes on"
    case .audit: "it goes on, and is reported"
    case .block: blocked
    }
  }

  private func cover(_ step: inout Explanation.Step, _ decider: String, _ enforcer: String) {
    step.enforcer = enforcer
    // An Allow is never left unenforced.
    if step.action == .allow { return }
    guard let assessment else {
      step.coverage = .unknown
      step.enforcer = ""
      return
    }
    guard let gap = assessment.gaps.first(where: { $0.isAbout(decider) }) else { return }
    step.coverage = gap.coverage == .none ? .none : .partial
    step.gap = "\(gap.why); \(gap.remedy)"
    if gap.coverage == .none { step.enforcer = "" }
  }

  /// Nothing here enforces it, whatever the profile says.
  func uncovered(_ step: Explanation.Step, _ why: String) -> Explanation.Step {
    var step = step
    if step.action == .allow { return step }
    (step.coverage, step.enforcer, step.gap) = (.none, "", why)
    return step
  }

  func noSection(_ subject: String, _ section: String) -> Explanation.Step {
    step(
      subject, .allow, Decider("no section \(section)"), why: "the profile says nothing of it", effect: "", enforcer: ""
    )
  }

  var tierName: String { node.map { "tier \($0.tier.name)" } ?? "" }
}

extension Gap {
  /// - Parameter decider: `process.rules[2]`
  fileprivate func isAbout(_ decider: String) -> Bool {
    guard subject.hasPrefix(decider) else { return Self.ofEverything.contains(subject) }
    let rest = subject.dropFirst(decider.count).first
    return rest == nil || rest == " " || rest == "."
  }

  private static let ofEverything = ["the whole profile"]
}
