import Glibc
import NRI
import System
import TOML

/// A containerd to ask: the one that runs. If none runs, the one that is installed.
struct ContainerdProgram {
  static let usualConfigurationFile = "/etc/containerd/config.toml"
  /// A message has at most so many characters of what containerd says about an error.
  private static let errorMaxCharacters = 400

  /// The path by which to run it.
  private let path: String
  /// The file that `path` leads to, if it is the program of a process.
  private let executable: FileDescriptor?
  /// The name of the process: some builds are several programs, and choose by name.
  private let name: String
  /// nil: it does not run.
  let pid: pid_t?
  /// The path on the node.
  let configurationFile: String
  /// Other containerds that run beside this one.
  let others: [pid_t]
  private let root: String

  private let seconds: Int

  /// What the search for a containerd found.
  enum Search {
    case found(ContainerdProgram)
    /// A containerd runs only in another mount namespace, and its files are there.
    case elsewhere(pid_t)
    case none
  }

  static func find(in places: Places) -> Search {
    let running = places.processes.filter(ContainerdArguments.isService)
    let installed = places.program(named: "containerd")
    if let process = running.first(where: \.sharesOurFiles) {
      // The process's own program, even if a newer one was installed since.
      let executable = openProgram(of: process)
      guard let path = executable.map({ "/proc/self/fd/\($0.number)" }) ?? installed else { return .none }
      let others = running.filter { $0.sharesOurFiles && $0 != process }.map(\.pid)
      return .found(ContainerdProgram(path: path, executable, process: process, others: others, places))
    }
    if let process = running.first { return .elsewhere(process.pid) }
    return installed.map { .found(ContainerdProgram(path: $0, nil, process: nil, others: [], places)) } ?? .none
  }

  /// The program is opened before the process is looked at once more: by now its number may belong to anybody's
  /// program. O_PATH of open(2).
  private static func openProgram(of process: RunningProcess) -> FileDescriptor? {
    let pathOnly: Int32 = 0o10000000
    guard access(process.image, X_OK) == 0,
      let executable = try? FileDescriptor(open: process.image, pathOnly), process.isThere
    else { return nil }
    // The descriptor stays open in the program, because an interpreter opens a script once more. fcntl(2).
    _ = fcntl(executable.number, F_SETFD, 0)
    return executable
  }

  private init(
    path: String, _ executable: FileDescriptor?, process: RunningProcess?, others: [pid_t], _ places: Places
  ) {
    (self.path, self.executable) = (path, executable)
    name = process?.arguments[0] ?? "containerd"
    pid = process?.pid
    configurationFile = process.flatMap(ContainerdArguments.configurationFile) ?? Self.usualConfigurationFile
    self.others = others
    root = places.root
    seconds = places.programSeconds
  }

  /// The third word of `containerd --version`: `2.1.9+unknown`.
  func version() throws(Errno) -> String? {
    let words = try run(["--version"]).output.split(whereSeparator: \.isWhitespace)
    return words.count >= 3 ? String(words[2]) : nil
  }

  /// The whole configuration as containerd itself reads it, with imports and with the defaults of what is not set.
  ///
  /// - Throws: `ContainerdProblem` if containerd cannot read its configuration; other errors if containerd cannot be
  ///   asked.
  func configuration(of version: RuntimeVersion) throws -> ContainerdConfiguration {
    // If 1.7 is asked like this, it takes a missing file for an error.
    let usesDefaults = version < RuntimeVersion(2, 0, 0) && !Files.exists(root + configurationFile)
    let dump = try run(
      usesDefaults ? ["config", "default"] : ["--config", root + configurationFile, "config", "dump"])
    guard dump.status == 0 else { throw ContainerdProblem(description: problem(in: dump.error)) }
    return ContainerdConfiguration(dump: try TOML.parse(dump.output))
  }

  private func run(_ arguments: [String]) throws(Errno) -> ProgramRun {
    try ProgramRun(path, arguments: [name] + arguments, seconds: seconds)
  }

  /// The last line says what is wrong; a line before it may name the file, which can be an imported one.
  private func problem(in error: String) -> String {
    let lines = error.split(separator: "\n")
    let mark = " file="
    let file = lines.last { $0.contains("level=error") && $0.contains(mark) }.flatMap { line in
      line.firstRange(of: mark).map { line[$0.upperBound...].prefix { $0 != " " } }
    }
    var text = (lines.last { !$0.contains("level=") } ?? lines.last ?? "it does not say why")[...]
    if text.hasPrefix("containerd: ") { text = text.dropFirst("containerd: ".count) }
    let place = file.map { "\($0): " } ?? ""
    return place + text.prefix(Self.errorMaxCharacters)
  }
}

/// Why containerd cannot read its configuration, in its own words.
struct ContainerdProblem: Error, CustomStringConvertible {
  let description: String
}

/// containerd's own command line.
private enum ContainerdArguments {
  private static let optionsWithValue: Set<Substring> = [
    "config", "c", "log-level", "l", "address", "a", "root", "state",
  ]

  /// Whether it is the service: not a shim, and not a command such as `containerd config dump`.
  static func isService(_ process: RunningProcess) -> Bool {
    let called = process.arguments.first.map { fileName($0) }
    guard process.name == "containerd" || called == "containerd" else { return false }
    return parse(process).command == nil
  }

  static func configurationFile(of process: RunningProcess) -> String? {
    guard let file = parse(process).configurationFile, !file.isEmpty else { return nil }
    return file.hasPrefix("/") ? file : "\(process.workingFolder)/\(file)"
  }

  /// Reads options in Go's way: one dash or two, the value behind `=` or as the next word.
  private static func parse(_ process: RunningProcess) -> (configurationFile: String?, command: String?) {
    var file: String?
    var rest = process.arguments.dropFirst()
    while let word = rest.popFirst() {
      guard word.hasPrefix("-") else { return (file, word) }
      let option = word.drop { $0 == "-" }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = option.first, optionsWithValue.contains(name) else { continue }
      let value = option.count == 2 ? String(option[1]) : rest.popFirst()
      if name == "config" || name == "c" { file = value }
    }
    return (file, nil)
  }
}
