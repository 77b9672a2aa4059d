/// What is known of one container when its profile is judged: at Create what the runtime says, at Start all of it.
/// What is not known counts as no hindrance.
package struct ContainerFacts: Equatable, Sendable {
  /// Of the container's first process, which is parked before its exec, or runs.
  package struct Process: Equatable, Sendable {
    package var pid: UInt32
    /// Whether it has a seccomp filter that its shim has not.
    package var hasFilter: Bool
    /// Its mount namespace is the runtime's, so nothing tells the two apart.
    package var sharesRuntimeNamespace: Bool

    package init(pid: UInt32, hasFilter: Bool, sharesRuntimeNamespace: Bool) {
      (self.pid, self.hasFilter, self.sharesRuntimeNamespace) = (pid, hasFilter, sharesRuntimeNamespace)
    }
  }

  /// Of the pod. Empty: the runtime's default.
  package var runtimeHandler: String
  /// Why the runtime cannot carry the profile's seccomp filter. nil: it can, or is not known.
  package var filterProblem: String?
  /// Whether the profile's filter was sent to the runtime. nil: not known, and what the profile says counts.
  package var filterWasSent: Bool?
  /// nil: not looked at.
  package var process: Process?
  /// Whether the container's root is one whole overlay: new files can be told from the image's. nil: not known.
  package var rootIsOverlay: Bool?
  /// Processes that hooks of the runtime have left in the container's cgroup: `41 (sleep)`. nil: none are known.
  package var leftProcesses: String?
  /// The container ran before Stockade knew it. Its filter is what it is, and refuses nothing any more.
  package var ranBefore = false
  /// Of a container that ran before: something of Stockade's confined it all the same.
  package var wasConfined = false
  /// Why programs could not be attached to its cgroup. nil: they could, or it was not tried.
  package var networkFailure: String?
  /// Why nothing of the profile's rules could be put in force. nil: nothing failed so far.
  package var failure: String?

  package init(runtimeHandler: String = "") { self.runtimeHandler = runtimeHandler }

  /// Whether the container runs in a virtual machine or under another kernel, as Kata and gVisor have it: the host's
  /// kernel sees none of it.
  package var isSandboxed: Bool {
    ["kata", "gvisor", "runsc"].contains { runtimeHandler.lowercased().utf8.starts(with: $0.utf8) }
  }
}
