import Compilation
import Policy

/// How a profile comes into force for one container, found out without a write to the kernel: what was seen of the
/// container, and what the profile's judge says of it.
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

  /// By which the container is judged from now on.
  var factsOfRunning: ContainerFacts {
    var facts = facts
    (facts.ranBefore, facts.wasConfined) = (true, true)
    return facts
  }

  /// The plan where programs could not be attached to the container's cgroup.
  func failing(network error: BackendError) -> StartPlan { judged { $0.networkFailure = error.message } }

  /// The plan where nothing of the profile's rules could be put in force.
  package func failing(_ error: EnforcementError) -> StartPlan { judged { $0.failure = "\(error)" } }

  private func judged(_ change: (inout ContainerFacts) -> Void) -> StartPlan {
    var facts = facts
    change(&facts)
    return StartPlan(subject, compiled, process, cgroup, facts, node)
  }
}
