import Keeper
import NRI

/// The plugin, with each call timed: the runtime drops a plugin that is too slow.
final class WatchedHandler: PluginHandler {
  private let plugin: any PluginHandler
  private let heartbeat: Heartbeat
  private let willConfigure: (String) -> Void
  /// When the runtime got its answer, in time, to what it reported of what runs.
  private var informed: SuspendingClock.Instant?
  private var hasServed = false

  /// - Parameter willConfigure: gets the text of Configure before anything is done with it.
  init(_ plugin: any PluginHandler, _ heartbeat: Heartbeat, willConfigure: @escaping (String) -> Void = { _ in }) {
    (self.plugin, self.heartbeat, self.willConfigure) = (plugin, heartbeat, willConfigure)
  }

  func configure(_ configuration: Configuration) throws -> EventMask {
    if configuration.requestTimeoutMilliseconds > 0 {
      heartbeat.setLimit(.milliseconds(configuration.requestTimeoutMilliseconds))
    }
    return try heartbeat.during {
      willConfigure(configuration.config)
      return try plugin.configure(configuration)
    }
  }

  var needs: ObjectNeeds { plugin.needs }
  func cannotSynchronize(_ reason: NRIError) { plugin.cannotSynchronize(reason) }
  func endedUntold() { plugin.endedUntold() }

  func synchronize(pods: [PodSandbox], containers: [Container]) throws {
    let begin = SuspendingClock.now
    try heartbeat.during { try plugin.synchronize(pods: pods, containers: containers) }
    if .now - begin < heartbeat.limit { informed = .now }
  }

  /// Whether the session that has ended was a good one: the runtime took the answer to what it reported of what runs,
  /// and went on. The runtime drops a plugin that answers too late. It measures by its own clock, which began earlier
  /// than ours.
  func wasGood(now: SuspendingClock.Instant = .now) -> Bool {
    hasServed || informed.map { now - $0 > heartbeat.limit } ?? false
  }

  private func event<Result>(_ body: () throws -> Result) rethrows -> Result {
    hasServed = true
    return try heartbeat.during(body)
  }

  func runPodSandbox(_ pod: PodSandbox) throws { try event { try plugin.runPodSandbox(pod) } }
  func stopPodSandbox(_ pod: PodSandbox) throws { try event { try plugin.stopPodSandbox(pod) } }
  func removePodSandbox(_ pod: PodSandbox) throws { try event { try plugin.removePodSandbox(pod) } }

  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    try event { try plugin.createContainer(pod: pod, container: container) }
  }

  func startContainer(pod: PodSandbox, container: Container) throws {
    try event { try plugin.startContainer(pod: pod, container: container) }
  }

  func stopContainer(pod: PodSandbox, container: Container) throws {
    try event { try plugin.stopContainer(pod: pod, container: container) }
  }

  func removeContainer(pod: PodSandbox, container: Container) throws {
    try event { try plugin.removeContainer(pod: pod, container: container) }
  }

  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {
    try event { try plugin.validateContainerAdjustment(pod: pod, container: container, policy: policy) }
  }

  func shutdown() { heartbeat.during { plugin.shutdown() } }
}
