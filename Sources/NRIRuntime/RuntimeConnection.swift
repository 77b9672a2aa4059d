import NRI
import System
import TTRPC

/// The runtime's half of an NRI session. `stockade try` and the tests drive a plugin with it.
///
/// Every call blocks until the plugin has answered. It throws if the plugin refuses, breaks the protocol, takes longer
/// than the timeout or dies. Where a real runtime would carry on without the plugin, or crash, this one throws. A call
/// does nothing if the plugin did not subscribe to its event, or the version does not have the event.
package final class RuntimeConnection {
  /// The plugin that registered.
  package struct Plugin: Equatable, Sendable {
    package var name: String
    package var index: String
    /// Empty if the plugin does not report it.
    package var nriVersion: String
  }

  package static let registrationTimeoutMilliseconds: Int64 = 5000

  package let version: NRIVersion
  package private(set) var plugin: Plugin?
  package private(set) var events: EventMask = []

  private let configuration: Configuration
  private var caller: RuntimeCaller
  private var usesStateChange: Bool

  /// - Parameters:
  ///   - version: 0.6 to 0.12; decides which calls are made and which parts of an answer are used.
  ///   - configuration: the text that the plugin gets in Configure.
  package init(
    socket: FileDescriptor, version: NRIVersion = .newest, configuration: String = "",
    requestTimeoutMilliseconds: Int64 = 2000
  ) {
    self.version = version
    self.configuration = Configuration(
      config: configuration, version: version, requestTimeoutMilliseconds: requestTimeoutMilliseconds)
    caller = RuntimeCaller(socket: socket, timeoutMilliseconds: requestTimeoutMilliseconds)
    usesStateChange = version < NRIVersion(0, 12)
  }

  /// Serves RegisterPlugin, then calls Configure and Synchronize.
  ///
  /// - Parameter objectsPerPart: how many pods and how many containers go into one Synchronize. NRI before 0.8 cannot
  ///   split, and sends all of them in one.
  package func accept(
    pods: [PodSandbox] = [], containers: [Container] = [], objectsPerPart: Int = .max
  ) throws(NRIRuntimeError) {
    let registration = try caller.registration(timeoutMilliseconds: Self.registrationTimeoutMilliseconds)
    plugin = Plugin(name: registration.name, index: registration.index, nriVersion: registration.nriVersion)
    events = try configure()
    try synchronize(pods[...], containers[...], version < NRIVersion(0, 8) ? .max : objectsPerPart)
  }

  private func configure() throws(NRIRuntimeError) -> EventMask {
    let answer = try caller.call(Method.configure, configuration.encoded())
    let asked = try shared { () throws(NRIError) in try RuntimeReading.events(answer) }
    let known = RuntimeFeatures(of: version).events
    if !asked.isSubset(of: known) { throw .eventsNotTaken(asked, version: version) }
    // An empty mask means all events.
    return asked.isEmpty ? known : asked
  }

  private func synchronize(
    _ pods: ArraySlice<PodSandbox>, _ containers: ArraySlice<Container>, _ part: Int
  ) throws(NRIRuntimeError) {
    var (pods, containers) = (pods, containers)
    while true {
      let more = pods.count > part || containers.count > part
      let request = RuntimeWriting.synchronize(
        pods: pods.prefix(part), containers: containers.prefix(part), more: more)
      let answer = try caller.call(Method.synchronize, request)
      let takesMore = try shared { () throws(NRIError) in try RuntimeReading.more(answer) }
      if !more { return }
      if !takesMore { throw .splitNotHandled }
      (pods, containers) = (pods.dropFirst(part), containers.dropFirst(part))
    }
  }

  /// Sends one event as this version sends it. nil: the version does not send it, or the event has no answer.
  private func send(
    _ event: Event, _ pod: PodSandbox, _ container: Container?
  ) throws(NRIRuntimeError) -> [UInt8]? {
    if !events.contains(event.mask) { return nil }
    if event.alwaysHasCall { return try caller.call(event.method, RuntimeWriting.event(pod, container)) }
    if !usesStateChange {
      do { return try caller.call(event.method, RuntimeWriting.event(pod, container)) } catch {
        guard case .refused(_, let status) = error, status.code == Status.unimplemented else { throw error }
        // A plugin without this call is taken for one that knows only StateChange. That stays so for the whole session.
        usesStateChange = true
      }
    }
    _ = try caller.call(Method.stateChange, RuntimeWriting.stateChange(event, pod, container))
    return nil
  }

  /// What this version's runtime reports of a container.
  private func told(_ container: Container) -> Container {
    var container = container
    if version < NRIVersion(0, 12) { container.seccompPolicy = nil }
    if version < NRIVersion(0, 10) { container.seccompProfile = nil }
    return container
  }
}

extension RuntimeConnection {
  package func runPodSandbox(_ pod: PodSandbox) throws(NRIRuntimeError) { _ = try send(.runPodSandbox, pod, nil) }

  package func stopPodSandbox(_ pod: PodSandbox) throws(NRIRuntimeError) { _ = try send(.stopPodSandbox, pod, nil) }

  package func removePodSandbox(_ pod: PodSandbox) throws(NRIRuntimeError) { _ = try send(.removePodSandbox, pod, nil) }

  /// - Returns: the seccomp policy as the runtime would apply it. nil: there is none, or this version ignores it. The
  ///   default errno is dropped, as in every version.
  package func createContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) -> LinuxSeccomp? {
    guard let answer = try send(.createContainer, pod, told(container)) else { return nil }
    let features = RuntimeFeatures(of: version)
    let checked = try shared { () throws(NRIError) in
      let policy = try RuntimeReading.policy(answer)
      if let policy { try features.check(policy) }
      return policy
    }
    guard var policy = checked else { return nil }
    if features.seccomp == .ignored { return nil }
    policy.defaultErrno = nil
    return policy
  }

  /// The call that the runtime makes once every plugin has answered CreateContainer; from NRI 0.10 on.
  package func validateContainerAdjustment(
    pod: PodSandbox, container: Container, policy: LinuxSeccomp?
  ) throws(NRIRuntimeError) {
    let event = Event.validateContainerAdjustment
    if !events.contains(event.mask) { return }
    let answer = try caller.call(event.method, RuntimeWriting.validate(pod, told(container), policy))
    let reason = try shared { () throws(NRIError) in try RuntimeReading.rejection(answer) }
    if let reason { throw .rejected(reason: reason) }
  }

  package func postCreateContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.postCreateContainer, pod, told(container))
  }

  /// - Parameter container: must have its pid.
  package func startContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.startContainer, pod, told(container))
  }

  package func postStartContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.postStartContainer, pod, told(container))
  }

  package func updateContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.updateContainer, pod, told(container))
  }

  package func postUpdateContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.postUpdateContainer, pod, told(container))
  }

  /// The state that is reported depends on the version: stopped from NRI 0.12 on, running before.
  package func stopContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    var container = told(container)
    container.state = (version < NRIVersion(0, 12) ? ContainerState.running : .stopped).rawValue
    _ = try send(.stopContainer, pod, container)
  }

  package func removeContainer(pod: PodSandbox, container: Container) throws(NRIRuntimeError) {
    _ = try send(.removeContainer, pod, told(container))
  }

  package func shutdown() throws(NRIRuntimeError) { _ = try caller.call(Method.shutdown, []) }
}

extension Configuration {
  /// What a runtime of that version reports. If the NRI version is not reported, plugins know it by the runtime's own
  /// version. So that version is the version of a containerd that came with this NRI version.
  fileprivate init(config: String, version: NRIVersion, requestTimeoutMilliseconds: Int64) {
    self.init()
    self.config = config
    runtimeName = "containerd"
    runtimeVersion =
      switch version.minor {
      case ..<8: "1.7.24"
      case 8, 9: "2.1.9"
      case 10, 11: "2.2.7"
      default: "2.3.4"
      }
    if version >= NRIVersion(0, 8) {
      registrationTimeoutMilliseconds = RuntimeConnection.registrationTimeoutMilliseconds
      self.requestTimeoutMilliseconds = requestTimeoutMilliseconds
    }
    if version >= NRIVersion(0, 12) { nriVersion = "v\(version).0" }
  }
}
