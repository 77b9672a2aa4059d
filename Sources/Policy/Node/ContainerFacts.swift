/// What is known of one container when its profile is judged. At Create that is what the runtime says, at Start it is
/// everything. What is not known counts as no hindrance.
package struct ContainerFacts: Equatable, Sendable {
  /// The container's first process. It is parked before its exec, or runs.
  package struct Process: Equatable, Sendable {
    package var pid: UInt32
    /// Whether it has a seccomp filter that its shim does not have.
    package var hasFilter: Bool
    /// Whether its mount namespace is the runtime's, so that nothing tells the two apart.
    package var sharesRuntimeNamespace: Bool

    package init(pid: UInt32, hasFilter: Bool, sharesRuntimeNamespace: Bool) {
      (self.pid, self.hasFilter, self.sharesRuntimeNamespace) = (pid, hasFilter, sharesRuntimeNamespace)
    }
  }

  /// The pod's runtime handler. Empty: the runtime's default.
  package var runtimeHandler: String
  /// The filter that the container has if Stockade sends none.
  package var podFilter = PodFilter.unknown
  /// Why the runtime cannot carry the profile's seccomp filter. nil: it can, or the answer is not known.
  package var filterProblem: String?
  /// Whether the profile's filter was sent to the runtime. nil: that is not known, and what the profile says counts.
  package var filterWasSent: Bool?
  /// Whether the container's filter may have been made of an older text, which asked less of `kernel` of the filter.
  package var filterMayBeOlder = false
  /// Whether the profile's filter denies packet sockets.
  package var filterDeniesPacketSockets = false
  /// Whether a process of the container can have CAP_NET_RAW. nil: not known.
  package var hasNetRaw: Bool?
  /// nil: the process was not looked at.
  package var process: Process?
  /// Whether the container's root is one whole overlay, so that new files can be told from the image's. nil: not known.
  package var rootIsOverlay: Bool?
  /// Whether folders of the image can be renamed in the container's root. nil: not known.
  package var rootMovesFolders: Bool?
  /// Whether the container's root finds files whatever the case of their names. nil: not known.
  package var rootFoldsCase: Bool?
  /// Whether the kernel knows the container's mounts from its start. Else a file outside of the image has the path at
  /// which it is mounted now. nil: not known.
  package var mountsAreKnown: Bool?
  /// Why links of the container's root may lead rules elsewhere than Stockade found. nil: nothing is against it.
  package var linksProblem: String?
  /// Processes that hooks of the runtime have left in the container's cgroup: `41 (sleep)`. nil: none are known.
  package var leftProcesses: String?
  /// Whether the container ran before Stockade knew it. Its filter is what it is, and refuses nothing any more.
  package var ranBefore = false
  /// For a container that ran before: whether something of Stockade's confined it all the same.
  package var wasConfined = false
  /// Why programs could not be attached to its cgroup. nil: they could, or it was not tried.
  package var networkFailure: String?
  /// Why none of the profile's rules could be put in force. nil: nothing has failed so far.
  package var failure: String?

  package init(runtimeHandler: String = "") { self.runtimeHandler = runtimeHandler }

  /// Whether the container runs in a virtual machine or under another kernel, as with Kata and gVisor. The host's
  /// kernel sees nothing of it.
  package var isSandboxed: Bool {
    ["kata", "gvisor", "runsc"].contains { runtimeHandler.lowercased().utf8.starts(with: $0.utf8) }
  }
}
