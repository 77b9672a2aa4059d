import Compilation
import Policy

/// How a profile comes into force for one container. To find this out, nothing is written to the kernel. The plan has
/// what was seen of the container, and the assessment of the profile for it.
package struct StartPlan: Sendable {
  package let assessment: Assessment
  let subject: Subject
  let compiled: CompiledProfile
  let process: ProcessView
  /// nil: the node takes no BPF programs, so only the filter was judged, and there is nothing to write.
  let cgroup: Cgroup?
  /// The mounts to write; nil: the kernel has them from the container's start, or the container ran before.
  let volumes: ContainerVolumes?
  /// Where links of the container's root lead the profile's rules.
  package private(set) var aliases: RuleAliases
  private let facts: ContainerFacts
  private let node: NodeCapabilities

  init(
    _ subject: Subject, _ compiled: CompiledProfile, _ process: ProcessView, _ cgroup: Cgroup?,
    _ volumes: ContainerVolumes?, _ aliases: RuleAliases, _ facts: ContainerFacts, _ node: NodeCapabilities
  ) {
    (self.subject, self.compiled, self.process, self.cgroup) = (subject, compiled, process, cgroup)
    (self.volumes, self.aliases, self.facts, self.node) = (volumes, aliases, facts, node)
    assessment = compiled.assess(node: node, container: facts)
  }

  /// Whether the kernel knows the container's mounts once the plan is in force.
  var hasVolumes: Bool { facts.mountsAreKnown != false }

  var key: ConfinementTable.PolicyKey {
    .init(
      profile: compiled.profile.name, omitted: assessment.omissions, aliases: aliases, isRecorded: compiled.isRecorded)
  }

  /// Mount points below which files have no path.
  package var pathlessMounts: [String] { volumes?.pathless ?? [] }

  /// Whether the container's first program is still to be executed.
  var hasEntrypoint: Bool { !facts.ranBefore }

  /// The facts by which the container is judged from now on.
  var factsOfRunning: ContainerFacts {
    var facts = facts
    (facts.ranBefore, facts.wasConfined) = (true, true)
    return facts
  }

  /// The plan for a container whose rules cannot have aliases.
  func failing(links error: BackendError) -> StartPlan {
    var plan = judged { $0.linksProblem = error.message }
    plan.aliases = RuleAliases()
    return plan
  }

  /// The plan for a container to whose cgroup programs could not be attached.
  func failing(network error: BackendError) -> StartPlan { judged { $0.networkFailure = error.message } }

  /// The plan for a container for which none of the profile's rules could be put in force.
  package func failing(_ error: EnforcementError) -> StartPlan { judged { $0.failure = "\(error)" } }

  private func judged(_ change: (inout ContainerFacts) -> Void) -> StartPlan {
    var facts = facts
    change(&facts)
    return StartPlan(subject, compiled, process, cgroup, volumes, aliases, facts, node)
  }
}
