import NRI

/// Every option once: its name, its value, its line in the help, and what it sets.
enum OptionTable {
  struct Option: Sendable {
    var name: String
    /// nil: a switch.
    var placeholder: String?
    var help: String
    var apply: @Sendable (inout Options, String) throws(TryError) -> Void
  }

  static func named(_ name: String) -> Option? { options.first { $0.name == name } }

  static let options: [Option] = profileOptions + containerOptions + runOptions

  private static let profileOptions = [
    Option(name: "--profile", placeholder: "FILE", help: "the profile to run the command under") { $0.profile = $1 },
    Option(name: "--config", placeholder: "FILE", help: "the plugin's configuration, as containerd hands it on") {
      $0.pluginConfiguration = $1
    },
    Option(name: "--annotation", placeholder: "KEY=VALUE", help: "add an annotation to the pod; repeatable") {
      (options, value) throws(TryError) in
      let (key, text) = try pair(value, of: "--annotation")
      options.annotations[key] = text
    },
  ]

  private static let containerOptions = [
    Option(name: "--rootfs", placeholder: "DIR", help: "the image's tree, never written to (default: busybox)") {
      $0.rootfs = $1
    },
    Option(name: "--mount", placeholder: "SRC:DST[:ro]", help: "bind a file or folder; repeatable") {
      (options, value) throws(TryError) in options.mounts.append(try bindMount(value))
    },
    Option(name: "--env", placeholder: "NAME=VALUE", help: "set an environment variable; repeatable") {
      (options, value) throws(TryError) in
      _ = try pair(value, of: "--env")
      options.environment.append(value)
    },
    Option(name: "--user", placeholder: "UID[:GID]", help: "run the command as this user (default: 0:0)") {
      (options, value) throws(TryError) in try setUser(&options, value)
    },
    Option(name: "--cwd", placeholder: "DIR", help: "the command's working directory (default: /)") {
      (options, value) throws(TryError) in
      guard value.hasPrefix("/") else { throw .usage("--cwd needs an absolute path, not \"\(value)\"") }
      options.workingDirectory = value
    },
    Option(name: "--name", placeholder: "NAME", help: "the container's name in its pod (default: try)") {
      $0.containerName = $1
    },
    Option(name: "--privileged", placeholder: nil, help: "all capabilities and devices, nothing masked") { options, _ in
      options.privileged = true
    },
    Option(name: "--no-new-privileges", placeholder: nil, help: "set no_new_privs") { options, _ in
      options.noNewPrivileges = true
    },
    Option(name: "--hostpid", placeholder: nil, help: "share this machine's pid namespace") { options, _ in
      options.hostPID = true
    },
    Option(
      name: "--network", placeholder: "own|host", help: "an own network with only loopback (default), or this one's"
    ) {
      (options, value) throws(TryError) in
      guard value == "own" || value == "host" else { throw .usage("--network is own or host, not \"\(value)\"") }
      options.hostNetwork = value == "host"
    },
    Option(name: "--pod-cgroup", placeholder: nil, help: "give the pod a cgroup of its own, as the kubelet does") {
      options, _ in options.podCgroup = true
    },
    Option(name: "--user-namespace", placeholder: nil, help: "give the container users of its own (hostUsers: false)") {
      options, _ in options.userNamespace = true
    },
    Option(name: "--hook", placeholder: "STAGE:COMMAND", help: "run an OCI hook; repeatable; \(list(Hook.Stage.self))")
    {
      (options, value) throws(TryError) in options.hooks.append(try hook(value))
    },
  ]

  private static let runOptions = [
    Option(name: "--exec", placeholder: "COMMAND", help: "also run this in the running container; repeatable") {
      (options, value) throws(TryError) in options.executions.append(try words(value, of: "--exec"))
    },
    Option(name: "--repeat", placeholder: "N", help: "run the container N times in one session and count the exits") {
      (options, value) throws(TryError) in
      options.repetitions = try number(value, of: "--repeat", 1...maximumRepetitions)
    },
    Option(name: "--timeout", placeholder: "SECONDS", help: "kill the command after so long") {
      (options, value) throws(TryError) in options.timeoutSeconds = try number(value, of: "--timeout", 1...86400)
    },
    Option(name: "--times", placeholder: nil, help: "tell how long the plugin took for each call") { options, _ in
      options.reportTimes = true
    },
    Option(
      name: "--nri-version", placeholder: "VERSION",
      help: "the NRI to speak, \(NRIVersion.oldest) to \(NRIVersion.newest)"
    ) {
      (options, value) throws(TryError) in options.nriVersion = try nriVersion(value)
    },
    Option(name: "--refuse", placeholder: "STEP", help: "let this step fail or get lost: \(list(Step.self))") {
      (options, value) throws(TryError) in options.refusals.insert(try word(value, of: "--refuse"))
    },
    Option(name: "--keep-config", placeholder: "FILE", help: "write the config.json that runc got") {
      $0.keepConfig = $1
    },
    Option(name: "--status", placeholder: "FILE", help: "write /proc/PID/status of the container's init at its start") {
      $0.statusFile = $1
    },
    Option(name: "--runc", placeholder: "PROGRAM", help: "the OCI runtime (default: runc)") { $0.runc = $1 },
  ]

  /// More container lives than any test needs; a slip of the finger beyond it would take hours.
  static let maximumRepetitions = 100_000

  static var help: String {
    let lines = options.map { option in
      let left = [option.name, option.placeholder].compactMap(\.self).joined(separator: " ")
      let padding = String(repeating: " ", count: max(1, 28 - left.utf8.count))
      return "  \(left)\(padding)\(option.help)"
    }
    return """
      usage: stockade try --profile FILE [options] -- COMMAND [ARG...]

      Runs a command in a container under a profile, with runc and without containerd. Prints the
      command's output, then on standard error what was denied and by which rule.

      \(lines.joined(separator: "\n"))

      Exit status: the command's; 128+N when signal N ended it; 127 when it was not found, 126 when it
      cannot be executed; 125 when the container was refused or could not be made.

      """
  }
}
