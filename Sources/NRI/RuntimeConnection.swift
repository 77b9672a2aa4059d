import System
import TTRPC

/// The runtime's half of an NRI session: what `stockade try` and the tests drive a plugin with.
///
/// Every call blocks until the plugin has answered, and throws where the plugin refuses, breaks the protocol, takes
/// longer than the timeout or dies. Where a real runtime would carry on without the plugin, or crash, this one throws.
/// A call whose event the plugin did not subscribe to does nothing.
package final class RuntimeConnection {
  /// Who registered.
  package struct Plugin: Equatable, Sendable {
    package var name: String
    package var index: String
    /// Empty where the plugin does not tell.
    package var nriVersion: String
  }

  package let version: NRIVersion
  package private(set) var plugin: Plugin?
  package private(set) var events: EventMask = []

  let socket: FileDescriptor
  let configurationText: String
  let requestTimeoutMilliseconds: Int64

  /// - Parameters:
  ///   - version: 0.6 to 0.12; decides which calls are made and what is honoured.
  ///   - configuration: the text that the plugin gets in Configure.
  package init(
    socket: FileDescriptor, version: NRIVersion = .newest, configuration: String = "",
    requestTimeoutMilliseconds: Int64 = 2000
  ) {
    self.socket = socket
    self.version = version
    configurationText = configuration
    self.requestTimeoutMilliseconds = requestTimeoutMilliseconds
  }

  /// Serves RegisterPlugin, then calls Configure and Synchronize.
  ///
  /// - Parameter objectsPerPart: how many pods and containers go into one Synchronize; NRI before 0.8 cannot split.
  package func accept(
    pods: [PodSandbox] = [], containers: [Container] = [], objectsPerPart: Int = .max
  ) throws(NRIError) {}

  package func runPodSandbox(_ pod: PodSandbox) throws(NRIError) {}
  package func stopPodSandbox(_ pod: PodSandbox) throws(NRIError) {}
  package func removePodSandbox(_ pod: PodSandbox) throws(NRIError) {}

  /// - Returns: the seccomp policy as the runtime would apply it: nil where there is none or this version ignores it.
  package func createContainer(pod: PodSandbox, container: Container) throws(NRIError) -> LinuxSeccomp? { nil }

  /// What the runtime calls after every plugin's CreateContainer; only from NRI 0.10, and only a subscriber.
  package func validateContainerAdjustment(
    pod: PodSandbox, container: Container, policy: LinuxSeccomp?
  ) throws(NRIError) {}

  package func postCreateContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func startContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func postStartContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func updateContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func postUpdateContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func stopContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func removeContainer(pod: PodSandbox, container: Container) throws(NRIError) {}
  package func shutdown() throws(NRIError) {}
}
