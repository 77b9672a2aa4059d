import NRI

/// Measures what a plugin's own code takes for each call, without the socket and the messages.
final class TimedPlugin: PluginHandler {
  private let plugin: any PluginHandler
  /// The durations of each call, in the order in which the calls first came.
  private(set) var calls: [(name: String, durations: [Duration])] = []

  init(_ plugin: any PluginHandler) { self.plugin = plugin }

  private func timed<Result>(_ name: String, _ call: () throws -> Result) rethrows -> Result {
    let start = ContinuousClock.now
    defer { note(name, ContinuousClock.now - start) }
    return try call()
  }

  private func note(_ name: String, _ duration: Duration) {
    if let index = calls.firstIndex(where: { $0.name == name }) {
      calls[index].durations.append(duration)
    } else {
      calls.append((name, [duration]))
    }
  }

  func configure(_ configuration: Configuration) throws -> EventMask {
    try timed("Configure") { try plugin.configure(configuration) }
  }
  var needs: ObjectNeeds { plugin.needs }
  func endedUntold() { plugin.endedUntold() }
  func cannotSynchronize(_ reason: NRIError) { plugin.cannotSynchronize(reason) }
  func synchronize(pods: [PodSandbox], containers: [Container]) throws {
    try timed("Synchronize") { try plugin.synchronize(pods: pods, containers: containers) }
  }
  func runPodSandbox(_ pod: PodSandbox) throws { try timed("RunPodSandbox") { try plugin.runPodSandbox(pod) } }
  func stopPodSandbox(_ pod: PodSandbox) throws { try timed("StopPodSandbox") { try plugin.stopPodSandbox(pod) } }
  func removePodSandbox(_ pod: PodSandbox) throws { try timed("RemovePodSandbox") { try plugin.removePodSandbox(pod) } }
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp? {
    try timed("CreateContainer") { try plugin.createContainer(pod: pod, container: container) }
  }
  func startContainer(pod: PodSandbox, container: Container) throws {
    try timed("StartContainer") { try plugin.startContainer(pod: pod, container: container) }
  }
  func stopContainer(pod: PodSandbox, container: Container) throws {
    try timed("StopContainer") { try plugin.stopContainer(pod: pod, container: container) }
  }
  func removeContainer(pod: PodSandbox, container: Container) throws {
    try timed("RemoveContainer") { try plugin.removeContainer(pod: pod, container: container) }
  }
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws {
    try timed("ValidateContainerAdjustment") {
      try plugin.validateContainerAdjustment(pod: pod, container: container, policy: policy)
    }
  }
  func shutdown() { plugin.shutdown() }

  /// `CreateContainer: 200 calls, median 120 us, 99 % within 310 us`, a line for each call.
  var summary: [String] {
    calls.map { call in
      let sorted = call.durations.sorted()
      let median = Self.percentile(50, of: sorted).inMicroseconds
      let high = Self.percentile(99, of: sorted).inMicroseconds
      return "\(call.name): \(sorted.count) calls, median \(median) us, 99 % within \(high) us"
    }
  }

  /// The smallest value of `sorted` that `percent` of them do not exceed. `sorted` is not empty.
  static func percentile(_ percent: Int, of sorted: [Duration]) -> Duration {
    sorted[(sorted.count * percent + 99) / 100 - 1]
  }
}

extension Duration {
  fileprivate var inMicroseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
