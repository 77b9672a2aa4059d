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
  private let facts: ContainerFacts
  private let node: NodeCapabilities

  init(
    _ subject: Subject, _ compiled: CompiledProfile, _ process: ProcessView, _ cgroup: Cgroup?, _ facts: ContainerFacts,
    _ node: NodeCapabilities
  ) {
    (self.subject, self.compiled, self.process, self.cgroup) = (subject, compiled, process, cgroup)
    (self.facts, self.node) = (facts, node)
    assessment = compiled.profile.assess(node: node, container: facts)
  }

  /// Whether the container's first program is still to be executed.
  var hasEntrypoint: Bool { !facts.ranBefore }

  /// The facts by which the container is judged from now on.
  var factsOfRunning: ContainerFacts {
    var facts = facts
    (facts.ranBefore, facts.wasConfined) = (true, true)
    return facts
  }

  /// The plan for a container to whose cgroup programs could not be attached.
  func failing(network error: BackendError) -> StartPlan { judged { $0.networkFailure = error.message } }

  /// The plan for a container for which none of the profile's rules could be put in force.
  package func failing(_ error: EnforcementError) -> StartPlan { judged { $0.failure = "\(error)" } }

  private func judged(_ change: (inout ContainerFacts) -> Void) -> StartPlan {
    var facts = facts
    change(&facts)
    return StartPlan(subject, compiled, process, cgroup, facts, node)
  }
}
