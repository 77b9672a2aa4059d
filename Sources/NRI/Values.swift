/// The parts of NRI's messages that Stockade reads or writes, as Swift values. Field numbers: proto/nri.proto.

package struct PodSandbox: Equatable, Sendable {
  package var id = ""
  package var name = ""
  package var uid = ""
  package var namespace = ""
  package var labels: [String: String] = [:]
  package var annotations: [String: String] = [:]
  package var runtimeHandler = ""
  /// `linux.cgroup_parent`: what the kubelet asked for; empty: it asked for none.
  package var cgroupParent = ""
  package var pid: UInt32 = 0

  package init() {}
}

package struct Container: Equatable, Sendable {
  package var id = ""
  package var podSandboxID = ""
  package var name = ""
  /// A `ContainerState`, or a number that we do not know.
  package var state: Int32 = 0
  package var labels: [String: String] = [:]
  package var annotations: [String: String] = [:]
  package var arguments: [String] = []
  package var environment: [String] = []
  package var mounts: [Mount] = []
  /// `linux.namespaces`: type (`pid`, `mount`, `network` …) to path, empty for a new one.
  package var namespaces: [String: String] = [:]
  /// `linux.cgroups_path`, in the form of the runtime's cgroup driver: `/parent/id` or `slice:prefix:name`.
  package var cgroupsPath = ""
  package var hasLinux = false
  /// `linux.seccomp_profile`: what the pod asks for; nil: it asks for nothing, or the runtime does not tell.
  package var seccompProfile: SecurityProfile?
  /// `linux.seccomp_policy`; the runtime sends it from NRI 0.12 on.
  package var seccompPolicy: LinuxSeccomp?
  /// Only valid in StartContainer and Synchronize; stale or 0 everywhere else.
  package var pid: UInt32 = 0

  package init() {}
}

/// `Mount`, in OCI's words: what the runtime mounts in a container.
package struct Mount: Equatable, Sendable {
  package var destination = ""
  package var type = ""
  package var source = ""
  package var options: [String] = []

  package init() {}
}

package enum ContainerState: Int32, Sendable {
  case created = 1
  case paused, running, stopped
}

/// A pod's seccomp profile, in CRI's words.
package struct SecurityProfile: Equatable, Sendable {
  package enum Kind: Int32, Sendable {
    case runtimeDefault = 0
    case unconfined, localhost
  }

  /// A `Kind`, or a number that we do not know.
  package var kind: Int32
  /// The name of a file of the node; of kind `localhost` only.
  package var localhostReference: String

  package init(_ kind: Kind, localhostReference: String = "") {
    (self.kind, self.localhostReference) = (kind.rawValue, localhostReference)
  }
}

/// `LinuxSeccomp`, in OCI's words.
package struct LinuxSeccomp: Equatable, Sendable {
  package var defaultAction = ""
  package var defaultErrno: UInt32?
  package var architectures: [String] = []
  package var flags: [String] = []
  package var listenerPath = ""
  package var listenerMetadata = ""
  package var syscalls: [LinuxSyscall] = []

  package init() {}
}

package struct LinuxSyscall: Equatable, Sendable {
  package var names: [String] = []
  package var action = ""
  package var errnoReturn: UInt32?
  package var arguments: [LinuxSeccompArgument] = []

  package init() {}
}

package struct LinuxSeccompArgument: Equatable, Sendable {
  package var index: UInt32 = 0
  package var value: UInt64 = 0
  package var valueTwo: UInt64 = 0
  package var op = ""

  package init() {}
}

package struct Configuration: Equatable, Sendable {
  package var config = ""
  package var runtimeName = ""
  package var runtimeVersion = ""
  package var registrationTimeoutMilliseconds: Int64 = 0
  package var requestTimeoutMilliseconds: Int64 = 0
  /// Empty before NRI 0.12. `features` says what is known without it.
  package var nriVersion = ""

  package init() {}
}

/// Events of the mask in a ConfigureResponse. Bit n-1 stands for event n of the NRI API.
package struct EventMask: OptionSet, Equatable, Sendable {
  package let rawValue: Int32
  package init(rawValue: Int32) { self.rawValue = rawValue }

  /// For messages: `0x7ff`.
  package var hexadecimal: String { "0x" + String(UInt32(bitPattern: rawValue), radix: 16) }

  package static let runPodSandbox = Event.runPodSandbox.mask
  package static let stopPodSandbox = Event.stopPodSandbox.mask
  package static let removePodSandbox = Event.removePodSandbox.mask
  package static let createContainer = Event.createContainer.mask
  package static let startContainer = Event.startContainer.mask
  package static let stopContainer = Event.stopContainer.mask
  package static let removeContainer = Event.removeContainer.mask
  package static let validateContainerAdjustment = Event.validateContainerAdjustment.mask

  /// The events that a runtime before NRI 0.10 takes. Any other bit closes the connection.
  package static let upToNRI09 = EventMask(rawValue: 0x7ff)
  /// The events that a runtime from NRI 0.10 on takes.
  package static let fromNRI010 = EventMask(rawValue: 0x3fff)
}

/// What a plugin does with each request. A thrown error becomes the reply's status (code 2) with its description.
///
/// All calls come on the session's one thread, in the runtime's order.
package protocol PluginHandler: AnyObject {
  /// - Returns: the events to subscribe to. The session leaves out events that the runtime's NRI does not know. What
  ///   remains must not be empty, because an empty set would mean everything.
  func configure(_ configuration: Configuration) throws -> EventMask
  /// What `synchronize` looks at, from Configure on.
  var needs: ObjectNeeds { get }
  /// A Synchronize could not be read. The runtime is told as well, and goes on without the plugin.
  func cannotSynchronize(_ reason: NRIError)
  /// The session ended after Configure, before the runtime said what runs, and before it said anything else.
  func endedUntold()
  /// The whole list, after the last part of a split Synchronize.
  func synchronize(pods: [PodSandbox], containers: [Container]) throws
  func runPodSandbox(_ pod: PodSandbox) throws
  func stopPodSandbox(_ pod: PodSandbox) throws
  func removePodSandbox(_ pod: PodSandbox) throws
  /// - Returns: the seccomp policy to set, nil for no adjustment.
  func createContainer(pod: PodSandbox, container: Container) throws -> LinuxSeccomp?
  func startContainer(pod: PodSandbox, container: Container) throws
  func stopContainer(pod: PodSandbox, container: Container) throws
  func removeContainer(pod: PodSandbox, container: Container) throws
  /// - Parameter policy: the final seccomp policy of all plugins' adjustments; nil: no plugin set one.
  func validateContainerAdjustment(pod: PodSandbox, container: Container, policy: LinuxSeccomp?) throws
  func shutdown()
}

/// Stands around the calls to a `PluginHandler`, for example to time them.
package protocol CallObserver: AnyObject {
  /// Runs `body`, which lets the handler handle the call.
  func during<Result>(_ call: PluginCall, _ body: () throws -> Result) rethrows -> Result
}
