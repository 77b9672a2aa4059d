import Glibc
import System

/// Drives the OCI runtime's command line for one container.
struct Runc: Sendable {
  var program: String
  /// runc's own state folder.
  var state: String
  var bundle: Bundle
  var id: String
  /// The descriptor that the container's standard output becomes.
  var output: Int32

  /// Makes the container. Its init then waits for `start`, parked before the command's exec.
  ///
  /// - Returns: the pid of init.
  func create() throws(TryError) -> pid_t {
    // The container's standard streams are those of `runc create`.
    try run(["create", "--bundle", bundle.path, "--pid-file", bundle.pidFile, id], ownStreams: true)
    let text = try system { () throws(Errno) in try Files.text(bundle.pidFile) }
    guard let pid = pid_t(text) else { throw .runc(command: "create", message: "left no pid in \(bundle.pidFile)") }
    return pid
  }

  func start() throws(TryError) { try run(["start", id]) }

  /// SIGKILL to every process in the container's cgroup.
  func killAll() throws(TryError) { try run(["kill", "--all", id, "KILL"]) }

  func delete(force: Bool = false) throws(TryError) { try run(force ? ["delete", "--force", id] : ["delete", id]) }

  /// Runs a command in the container, with the standard streams of its first process.
  ///
  /// - Returns: the command's exit status; 255 if runc could not run it.
  func execute(_ command: [String]) throws(TryError) -> Int32 {
    try Program.run(prefix + ["exec", id] + command, output: output)
  }

  private var prefix: [String] { [program, "--root", state, "--log", bundle.log, "--log-format", "json"] }

  private func run(_ arguments: [String], ownStreams: Bool = false) throws(TryError) {
    let null = try system { () throws(Errno) in try FileDescriptor(open: "/dev/null", O_RDWR) }
    try? system { () throws(Errno) in try Files.write("", to: bundle.log) }
    let status = try Program.run(
      prefix + arguments, output: ownStreams ? output : null.number, error: ownStreams ? 2 : null.number)
    if status == 0 { return }
    let log = (try? Files.text(bundle.log)) ?? ""
    throw .runc(command: arguments[0], message: Self.message(inLog: log) ?? "exit status \(status)")
  }

  /// The last message of a log that runc writes with `--log-format json`: one JSON object for each line.
  static func message(inLog log: String) -> String? {
    let key = "\"msg\":\""
    guard let line = log.split(separator: "\n").last, let start = range(of: key, in: line) else { return nil }
    var message = ""
    var escaped = false
    for character in line[start...] {
      switch (escaped, character) {
      case (false, "\\"): escaped = true
      case (false, "\""): return message
      case (true, "n"), (true, "t"), (_, "\n"):
        message += " "
        escaped = false
      default:
        message.append(character)
        escaped = false
      }
    }
    return nil
  }

  private static func range(of key: String, in line: Substring) -> Substring.Index? {
    line.indices.first { line[$0...].hasPrefix(key) }.map { line.index($0, offsetBy: key.count) }
  }

  /// What a shell would return for a command that runc could not start.
  static func exitStatus(forMessage message: String) -> Int32 {
    let lowered = message.lowercased()
    // runc says `exec: "x": …` only about the command itself.
    guard lowered.contains("exec: \"") || lowered.contains("exec /") else { return ExitStatus.notStarted }
    if lowered.contains("not found") || lowered.contains("no such file") { return ExitStatus.commandNotFound }
    return lowered.contains("permission denied") ? ExitStatus.cannotExecute : ExitStatus.notStarted
  }
}
