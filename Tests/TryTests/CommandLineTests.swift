import BPF
import Status
import System
import Testing

/// The program's commands as they are built: their help, and what they refuse.
@Suite(.enabled(if: builtProgram != nil, "needs the built program"))
struct CommandLineTests {
  /// Every command, by the program's own list.
  private static let names: [String] = {
    guard builtProgram != nil, let list = try? Finished(["--help"], command: nil).output else { return [] }
    return list.split(separator: "\n").filter { $0.hasPrefix("  ") }
      .map { line in line.split(separator: "  ")[0].trimmingPrefix(while: { $0 == " " }).description }
  }()

  private func words(_ line: String) -> [String] { line.split(separator: " ").map(String.init) }

  private static let profileCommands =
    "profile check, profile explain, profile diff, profile import, profile merge, profile test"

  @Test("the list has every command")
  func list() {
    #expect(
      Self.names == [
        "run", "try", "status", "containers", "events", "reload", "audit", "record", "profile check",
        "profile explain", "profile diff", "profile import", "profile merge", "profile test", "config check", "doctor",
        "gate status", "gate close", "gate open", "gate free", "detach", "completion", "manual", "version",
      ])
  }

  @Test("docs/command-line.md has the help of the program, word for word")
  func listIsDocumented() throws {
    #expect(try documentedHelp("stockade") == Finished(["--help"], command: nil).output)
  }

  @Test("docs/command-line.md has the help of each command, word for word", arguments: names)
  func helpIsDocumented(name: String) throws {
    let result = try Finished(words(name) + ["--help"], command: nil)
    #expect(result.status == 0 && result.error.isEmpty)
    #expect(try documentedHelp("stockade \(name)") == result.output)
  }

  @Test("help COMMAND and -h print what --help prints", arguments: names)
  func otherWays(name: String) throws {
    let help = try Finished(words(name) + ["--help"], command: nil).output
    #expect(try Finished(["help"] + words(name), command: nil).output == help)
    #expect(try Finished(words(name) + ["-h"], command: nil).output == help)
  }

  @Test("a help has an example of its command and the exit statuses", arguments: names)
  func helpIsWhole(name: String) throws {
    let help = try Finished(words(name) + ["--help"], command: nil).output
    #expect(help.contains("\nExamples:\n  # ") && help.contains("\n  stockade \(name)"))
    #expect(help.contains("\nExit status:\n  "))
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 120 }, "no line is over 120 columns")
  }

  @Test("version prints the version and the layout of the pins, a line each: installers compare the layouts")
  func version() throws {
    let lines = try Finished([], command: "version").output.split(separator: "\n")
    #expect(lines == ["stockade \(StockadeVersion.text)", "layout of the pins: \(FormerPins.layout)"])
  }

  /// The block of code that follows the heading `## name`.
  private func documentedHelp(_ name: String) throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let text = try Files.text("/\(root)/docs/command-line.md")
    let section = try #require(text.ranges(of: "## \(name)\n").first.map { text[$0.upperBound...] })
    let parts = section.split(separator: "```", maxSplits: 2, omittingEmptySubsequences: false)
    return String(try #require(parts.count == 3 ? parts[1] : nil).trimmingPrefix("text\n"))
  }

  @Test(
    "a command line that cannot be understood ends with status 2 and says what to do",
    arguments: [
      ("", "no command; see stockade --help"),
      ("nonsense", "unknown command \"nonsense\"; see stockade --help"),
      ("docter", "unknown command \"docter\"; did you mean \"doctor\"?; see stockade --help"),
      ("profile", "\"profile\" needs one more word: \(profileCommands); see stockade --help"),
      ("profile chekc x", "\"profile\" needs one more word: \(profileCommands); see stockade --help"),
      ("version x", "stockade version: unexpected \"x\"; see stockade version --help"),
      ("run x", "stockade run: unexpected \"x\"; see stockade run --help"),
      ("run --confg x", "unknown option \"--confg\"; did you mean \"--config\"?; see stockade run --help"),
      ("doctor --json", "stockade doctor: unknown option \"--json\"; see stockade doctor --help"),
      (
        "run --name a/b", "stockade run: --name takes the characters A-Z a-z 0-9 _ . + -, not \"a/b\"; see stockade run"
      ),
      ("run --index 1", "stockade run: --index takes two digits, not \"1\"; see stockade run --help"),
      ("run --index 1x", "stockade run: --index takes two digits, not \"1x\"; see stockade run --help"),
      ("run --config --socket x", "stockade run: --config needs a value: FILE; see stockade run --help"),
      ("gate opne", "\"gate\" needs one more word: gate status, gate close, gate open, gate free; see stockade --help"),
      ("gate open --for 10m", "stockade gate open: needs --for and --reason; see stockade gate open --help"),
      ("gate open --reason x", "stockade gate open: needs --for and --reason; see stockade gate open --help"),
      ("gate open --for 25h --reason x", "--for takes a number and s, m or h, at most 24h, not \"25h\"; see"),
      ("gate free pod1", "stockade gate free: needs --reason; see stockade gate free --help"),
      ("gate free --reason x", "stockade gate free: takes one pod: its UID, or the path of its cgroup; see"),
      ("gate free --reason x a b", "stockade gate free: takes one pod: its UID, or the path of its cgroup; see"),
      ("gate close x", "stockade gate close: unexpected \"x\"; see stockade gate close --help"),
      ("help try -- true", "stockade: help: unexpected \"--\"; see stockade --help"),
      ("run --config /nowhere/stockade.yaml", "cannot open /nowhere/stockade.yaml: no such file or directory"),
      ("run --config /", "cannot read /: is a directory"),
      ("run --socket \(String(repeating: "/sock", count: 40))", "(a socket's path has at most 107 bytes)"),
    ])
  func refusal(line: String, message: String) throws {
    let result = try Finished(words(line), command: nil)
    #expect(result.status == 2 && result.output.isEmpty)
    #expect(result.error.contains(message), "\(result.error)")
    #expect(result.error.split(separator: "\n").count == 1)
  }

  @Test("a configuration of --config that is wrong ends run at once, with file and line")
  func brokenConfiguration() throws {
    let folder = try TemporaryFolder()
    let file = folder.path + "/stockade.yaml"
    try Files.write("\nbindigns: []\n", to: file)
    let result = try Finished(["--config", file, "--socket", folder.path + "/none"], command: "run")
    #expect(result.status == 2)
    #expect(result.error.contains("\(file):2: unknown key \"bindigns\" in the file; did you mean \"bindings\"?"))
  }
}
