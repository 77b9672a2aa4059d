import CommandOptions
import NRI

/// What `stockade try` was asked to do.
package struct Options: Equatable, Sendable {
  /// A profile file; nil only with `pluginConfiguration` or `record`.
  package var profile: String?
  /// The plugin's configuration, as containerd would hand it over; a file.
  package var pluginConfiguration: String?
  package var command: [String] = []
  /// Where to write the recording of what the command does; nil: it is not recorded.
  package var record: String?
  /// Whether the recording has the programs' arguments.
  package var recordsArguments = false

  // The container
  /// The image's tree, read only; nil: a tree made from busybox.
  package var rootfs: String?
  package var environment: [String] = []
  package var userID: UInt32 = 0
  package var groupID: UInt32 = 0
  package var workingDirectory = "/"
  package var mounts: [BindMount] = []
  package var privileged = false
  package var noNewPrivileges = false
  package var hostPID = false
  /// Whether the container's users are a range of this machine's unprivileged users, as with `hostUsers: false` in a
  /// pod.
  package var userNamespace = false
  package var hooks: [Hook] = []
  package var hostNetwork = false
  package var containerName = "try"
  package var annotations: [String: String] = [:]
  /// Whether the pod has a cgroup of its own, and so a gate. The cgroup is made before RunPodSandbox, as the kubelet
  /// does.
  package var podCgroup = false

  // The run
  /// Commands for `runc exec`, one after the other, once the container runs.
  package var executions: [[String]] = []
  package var nriVersion = NRIVersion.newest
  package var refusals: Set<Step> = []
  package var repetitions = 1
  package var timeoutSeconds: Int?
  /// How long the plugin may take for one call. containerd's own limit is the default.
  package var answerMilliseconds = 2000
  /// Whether to report how long the plugin's own code took for each call.
  package var reportTimes = false
  package var writesRecords = false
  package var runc = "runc"
  /// Further options of the container's root, which is an overlay.
  package var overlayOptions: String?
  /// Where to write the config.json that runc got.
  package var keepConfig: String?
  /// Where to write `/proc/PID/status` of the container's init as it is at StartContainer.
  package var statusFile: String?

  package init() {}
}

/// `--mount SRC:DST[:ro]`.
package struct BindMount: Equatable, Sendable {
  package var source: String
  package var destination: String
  package var readOnly = false

  package init(source: String, destination: String, readOnly: Bool = false) {
    self.source = source
    self.destination = destination
    self.readOnly = readOnly
  }
}

/// `--hook STAGE:COMMAND`: an OCI hook.
package struct Hook: Equatable, Sendable {
  package enum Stage: String, CaseIterable, Sendable {
    case createRuntime, createContainer, startContainer, poststart, poststop
  }
  package var stage: Stage
  /// The program's absolute path and its arguments.
  package var command: [String]

  package init(stage: Stage, command: [String]) {
    self.stage = stage
    self.command = command
  }
}

/// A step of a container's life that `--refuse` breaks.
package enum Step: String, CaseIterable, Sendable {
  /// Another plugin refuses after ours has answered.
  case create, validate, start
  /// runc fails although every plugin agreed.
  case runcCreate = "runc-create"
  case runcStart = "runc-start"
  /// The event is lost: the plugin never hears of it.
  case stop, remove
  case stopPod = "stop-pod"
  case removePod = "remove-pod"
}
