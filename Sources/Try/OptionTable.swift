import CommandOptions
import NRI

/// Every option of `try`, once.
enum OptionTable {
  private typealias Option = CommandOption<Options>

  /// For users.
  static let options: [CommandOption<Options>] = profileOptions + containerOptions + runOptions

  private static let profileOptions = [
    Option("--profile", "FILE", help: "the profile to run the command under") { $0.profile = $1 },
    Option("--config", "FILE", help: "the plugin's configuration, as containerd hands it on") {
      $0.pluginConfiguration = $1
    },
    Option("--record", "FILE", help: "write a recording of what the command does (docs/try.md)") {
      $0.record = $1
    },
    Option("--record-arguments", help: "record programs with their arguments, which may hold secrets") { (options, _) in
      options.recordsArguments = true
    },
    Option("--annotation", "KEY=VALUE", help: "add an annotation to the pod", isRepeatable: true) {
      (options, value) throws(UsageError) in
      let (key, text) = try OptionValue.pair(value, of: "--annotation")
      options.annotations[key] = text
    },
  ]

  private static let containerOptions = [
    Option("--rootfs", "DIR", help: "the image's tree, never written to (default: busybox)") {
      $0.rootfs = $1
    },
    Option("--mount", "SRC:DST[:ro]", help: "bind a file or folder", isRepeatable: true) {
      (options, value) throws(UsageError) in options.mounts.append(try bindMount(value))
    },
    Option("--env", "NAME=VALUE", help: "set an environment variable", isRepeatable: true) {
      (options, value) throws(UsageError) in
      _ = try OptionValue.pair(value, of: "--env")
      options.environment.append(value)
    },
    Option("--user", "UID[:GID]", help: "run the command as this user (default: 0:0)") {
      (options, value) throws(UsageError) in try setUser(&options, value)
    },
    Option("--cwd", "DIR", help: "the command's working directory (default: /)") {
      (options, value) throws(UsageError) in
      guard value.hasPrefix("/") else { throw UsageError("--cwd needs an absolute path, not \"\(value)\"") }
      options.workingDirectory = value
    },
    Option("--name", "NAME", help: "the container's name in its pod (default: try)") {
      $0.containerName = $1
    },
    Option("--privileged", help: "all capabilities and devices, nothing masked") { options, _ in
      options.privileged = true
    },
    Option("--no-new-privileges", help: "set no_new_privs") { options, _ in
      options.noNewPrivileges = true
    },
    Option("--hostpid", help: "share this machine's pid namespace") { options, _ in
      options.hostPID = true
    },
    Option("--network", "own|host", help: "an own network with only loopback (default), or this one's") {
      (options, value) throws(UsageError) in
      guard value == "own" || value == "host" else { throw UsageError("--network is own or host, not \"\(value)\"") }
      options.hostNetwork = value == "host"
    },
    Option("--pod-cgroup", help: "give the pod a cgroup of its own, and so a gate") {
      options, _ in options.podCgroup = true
    },
    Option("--user-namespace", help: "give the container users of its own (hostUsers: false)") {
      options, _ in options.userNamespace = true
    },
    Option("--hook", "STAGE:COMMAND", help: "run an OCI hook of this stage (docs/try.md)", isRepeatable: true) {
      (options, value) throws(UsageError) in options.hooks.append(try hook(value))
    },
  ]

  private static let runOptions = [
    Option("--exec", "COMMAND", help: "also run this in the running container", isRepeatable: true) {
      (options, value) throws(UsageError) in options.executions.append(try words(value, of: "--exec"))
    },
    Option("--timeout", "SECONDS", help: "kill the command after so long") {
      (options, value) throws(UsageError) in
      options.timeoutSeconds = try OptionValue.number(value, of: "--timeout", 1...86400)
    },
    .recordOutput("tell everything as JSON records on standard output") { $0.writesRecords = true },
    Option("--runc", "PROGRAM", help: "the OCI runtime (default: runc)") { $0.runc = $1 },
  ]

  /// What describes the container, the command and the output is for users. What drives, breaks or measures the session
  /// is for tests. CONTRIBUTING.md lists these options.
  static let testOptions: [CommandOption<Options>] = [
    Option("--repeat", "N", help: "run the container N times in one session and count the exits") {
      (options, value) throws(UsageError) in
      options.repetitions = try OptionValue.number(value, of: "--repeat", 1...maximumRepetitions)
    },
    Option("--times", help: "tell how long the plugin took for each call") { options, _ in
      options.reportTimes = true
    },
    Option("--answer-time", "MS", help: "how long the plugin may take for a call (default: 2000)") {
      (options, value) throws(UsageError) in
      options.answerMilliseconds = try OptionValue.number(value, of: "--answer-time", 1...600_000)
    },
    Option("--nri-version", "VERSION", help: "the NRI to speak, \(NRIVersion.oldest) to \(NRIVersion.newest)") {
      (options, value) throws(UsageError) in options.nriVersion = try nriVersion(value)
    },
    Option("--refuse", "STEP", help: "let this step fail or get lost", isRepeatable: true) {
      (options, value) throws(UsageError) in options.refusals.insert(try OptionValue.word(value, of: "--refuse"))
    },
    Option("--overlay-options", "OPTIONS", help: "mount the container's root with these options too") {
      $0.overlayOptions = $1
    },
    Option("--keep-config", "FILE", help: "write the config.json that runc got") {
      $0.keepConfig = $1
    },
    Option("--status", "FILE", help: "write /proc/PID/status of the container's init at its start") {
      $0.statusFile = $1
    },
  ]

  /// This is more container lives than any test needs. A mistyped number above it would take hours.
  static let maximumRepetitions = 100_000
}
