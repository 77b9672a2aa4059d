@testable import NRI
@testable import TTRPC

/// Answers as it was told, and keeps what it was asked. One thread at a time has it: the test, the session's until that
/// has ended, and the test again.
final class ScriptedHandler: PluginHandler, @unchecked Sendable {
  struct Refusal: Error, CustomStringConvertible {
    let description: String
  }

  var events: EventMask = .fromNRI010
  /// The text of a refusal, by `event id`: `startContainer 5f3a`.
  var refusals: [String: String] = [:]
  /// The answer to CreateContainer, by container id.
  var policies: [String: LinuxSeccomp] = [:]
  var needs = ObjectNeeds.everything
  private(set) var unsynchronized: [NRIError] = []
  private(set) var configuration: Configuration?
  private(set) var synchronized: [(pods: [PodSandbox], containers: [Container])] = []
  /// `event id`, in order.
  private(set) var log: [String] = []
  /// Of Create, Start and Stop, in order.
  private(set) var containers: [Container] = []
  /// Of those, and of RunPodSandbox.
  private(set) var pods: [PodSandbox] = []
  private(set) var validated: [LinuxSeccomp?] = []

  init() {}

  /// Answers as the plugin of the recording did.
  init(of capture: Capture) throws {
    let answers = try capture.answers()
    for (stream, _, call) in try capture.calls() {
      switch (call, answers[stream]!) {
      case (.configure, .success(let payload)): events = try RuntimeReading.events(payload)
      case (.containerEvent(.createContainer, _, let container), .success(let payload)):
        policies[container.id] = try RuntimeReading.policy(payload)
      case (.containerEvent(let event, _, let container), .failure(let status)):
        refusals["\(event) \(container.id)"] = status.message
      default: break
      }
    }
  }

  private func note(_ event: Event, _ id: String) throws {
    log.append("\(event) \(id)")
    if let text = refusals["\(event) \(id)"] { throw Refusal(description: text) }
  }

  func configure(_ configuration: Configuration) throws -> EventMask {
    self.configuration = configuration
    if let text = refusals["configure"] { throw Refusal(description: text) }
    return events
  }

  private(set) var endedUntoldCount = 0
  func endedUntold() { endedUntoldCount += 1 }

  func cannotSynchronize(_ reason: NRIError) { unsynchronized.append(reason) }

  func synchronize(pods: [PodSandbox], containers: [Container]) throws {
    synchronized.append((pods, containers))
    if let text = refusals["synchronize"] { throw Refusal(description: text) }
  }

  func runPodSandbox(_ pod: PodSandbox) throws {
    pods.append(pod)
    try note(.runPodSandbox, pod.id)
  }

  func stopPodSandbox(_ pod: PodSandbox) throws { try note(.stopPodSandbox, pod.id) }
  func removePodSandbox(_ pod: PodSandbox) throws { try note(.removePodSandbox, pod.id) }

  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    pods.append(pod)
    containers.append(container)
    try note(.createContainer, container.id)
    return policies[container.id]
  }

  func startContainer(pod: PodSandbox, container: Container) throws {
    pods.append(pod)
    containers.append(container)
    try note(.startContainer, container.id)
  }

  func stopContainer(pod: PodSandbox, container: Container) throws {
    pods.append(pod)
    containers.append(container)
    try note(.stopContainer, container.id)
  }

  func removeContainer(pod: PodSandbox, container: Container) throws { try note(.removeContainer, container.id) }

  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {
    validated.append(policy)
    try note(.validateContainerAdjustment, container.id)
  }

  func shutdown() { log.append("shutdown") }
}
