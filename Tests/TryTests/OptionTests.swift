import CommandOptions
import NRI
import System
import Testing

@testable import Try

private let least = ["--profile", "p.yaml", "--", "true"]

private func parsed(_ arguments: [String]) throws -> Options {
  try #require(try Options.syntax.parse(arguments, into: Options()))
}

private struct Choice: Sendable {
  var arguments: [String]
  var change: @Sendable (inout Options) -> Void
}

private let choices: [Choice] = [
  Choice(arguments: ["--config", "c.yaml"]) { $0.pluginConfiguration = "c.yaml" },
  Choice(arguments: ["--annotation", "a/b=c=d"]) { $0.annotations = ["a/b": "c=d"] },
  Choice(arguments: ["--annotation", "a="]) { $0.annotations = ["a": ""] },
  Choice(arguments: ["--rootfs", "/image"]) { $0.rootfs = "/image" },
  Choice(arguments: ["--mount", "/a:/b"]) { $0.mounts = [BindMount(source: "/a", destination: "/b")] },
  Choice(arguments: ["--mount=/a:/b:ro"]) { $0.mounts = [BindMount(source: "/a", destination: "/b", readOnly: true)] },
  Choice(arguments: ["--env", "A=1", "--env", "B=="]) { $0.environment = ["A=1", "B=="] },
  Choice(arguments: ["--user", "7"]) { $0.userID = 7 },
  Choice(arguments: ["--user", "7:8"]) { ($0.userID, $0.groupID) = (7, 8) },
  Choice(arguments: ["--cwd", "/tmp"]) { $0.workingDirectory = "/tmp" },
  Choice(arguments: ["--name", "web"]) { $0.containerName = "web" },
  Choice(arguments: ["--privileged"]) { $0.privileged = true },
  Choice(arguments: ["--no-new-privileges"]) { $0.noNewPrivileges = true },
  Choice(arguments: ["--hostpid"]) { $0.hostPID = true },
  Choice(arguments: ["--network", "host"]) { $0.hostNetwork = true },
  Choice(arguments: ["--network=own"]) { $0.hostNetwork = false },
  Choice(arguments: ["--pod-cgroup"]) { $0.podCgroup = true },
  Choice(arguments: ["--user-namespace"]) { $0.userNamespace = true },
  Choice(arguments: ["--hook", "createContainer:/a 'b c'", "--hook=poststop:/d"]) {
    $0.hooks = [
      Hook(stage: .createContainer, command: ["/a", "b c"]), Hook(stage: .poststop, command: ["/d"]),
    ]
  },
  Choice(arguments: ["--exec", "a  b 'c d'\" e\" ''"]) { $0.executions = [["a", "b", "c d e", ""]] },
  Choice(arguments: ["--repeat", "100000"]) { $0.repetitions = 100_000 },
  Choice(arguments: ["--timeout", "86400"]) { $0.timeoutSeconds = 86400 },
  Choice(arguments: ["--times"]) { $0.reportTimes = true },
  Choice(arguments: ["--answer-time", "30000"]) { $0.answerMilliseconds = 30000 },
  Choice(arguments: ["-o", "json"]) { $0.writesRecords = true },
  Choice(arguments: ["--nri-version", "0.6"]) { $0.nriVersion = NRIVersion(0, 6) },
  Choice(arguments: ["--nri-version=0.12"]) { $0.nriVersion = NRIVersion(0, 12) },
  Choice(arguments: ["--refuse", "start", "--refuse", "stop"]) { $0.refusals = [.start, .stop] },
  Choice(arguments: ["--keep-config", "c.json"]) { $0.keepConfig = "c.json" },
  Choice(arguments: ["--status", "s"]) { $0.statusFile = "s" },
  Choice(arguments: ["--runc", "/opt/runc"]) { $0.runc = "/opt/runc" },
]

@Suite("the command line of try")
struct OptionTests {
  @Test("everything after -- is the command, options or not")
  func command() throws {
    #expect(
      try parsed(["--profile", "p.yaml", "--", "ls", "--help", "--", "-x"]).command == ["ls", "--help", "--", "-x"])
  }

  @Test("each option sets what it says", arguments: choices)
  fileprivate func option(choice: Choice) throws {
    var expected = Options()
    expected.profile = "p.yaml"
    expected.command = ["true"]
    choice.change(&expected)
    #expect(try parsed(choice.arguments + least) == expected)
  }

  @Test(
    "a bad command line is refused with what to do",
    arguments: [
      (["--profil", "x"], "unknown option \"--profil\"; did you mean \"--profile\"?"),
      (["--exce=x"], "unknown option \"--exce\"; did you mean \"--exec\"?"),
      (["--something"], "unknown option \"--something\""),
      (["ls"], "unexpected \"ls\"; the command comes after --"),
      (["--profile", "p"], "no command; give it after --"),
      (["--profile", "p", "--"], "no command; give it after --"),
      (
        ["--", "ls"],
        "no profile; give one with --profile FILE, or record what the command does with --record FILE"
      ),
      (["--profile"], "--profile needs a value: FILE"),
      (["--profile", "--", "ls"], "--profile needs a value: FILE"),
      (["--privileged=yes"], "--privileged takes no value"),
      (["--annotation", "x"], "--annotation needs NAME=VALUE, not \"x\""),
      (["--annotation", "=x"], "--annotation needs NAME=VALUE, not \"=x\""),
      (["--env", "x"], "--env needs NAME=VALUE, not \"x\""),
      (["--mount", "/a"], "--mount needs two absolute paths, SRC:DST or SRC:DST:ro, not \"/a\""),
      (["--mount", "/a:b"], "--mount needs two absolute paths, SRC:DST or SRC:DST:ro, not \"/a:b\""),
      (["--mount", "/a:/b:rx"], "--mount needs two absolute paths, SRC:DST or SRC:DST:ro, not \"/a:/b:rx\""),
      (["--user", "root"], "--user needs UID or UID:GID in numbers, not \"root\""),
      (["--user", "1:"], "--user needs UID or UID:GID in numbers, not \"1:\""),
      (["--user", "1:2:3"], "--user needs UID or UID:GID in numbers, not \"1:2:3\""),
      (["--cwd", "tmp"], "--cwd needs an absolute path, not \"tmp\""),
      (["--network", "none"], "--network is own or host, not \"none\""),
      (["--exec", " "], "--exec needs a command"),
      (["--exec", "a 'b"], "--exec has an open quote: a 'b"),
      (["--hook", "/a"], "--hook needs STAGE:COMMAND, not \"/a\""),
      (["--hook", "createContainer:"], "--hook needs a command"),
      (["--hook", "createContainer:a"], "--hook needs a program's absolute path, not \"a\""),
      (
        ["--hook", "later:/a"],
        "--hook takes one of createRuntime, createContainer, startContainer, poststart, poststop, not \"later\""
      ),
      (["--repeat", "0"], "--repeat needs a number from 1 to 100000, not \"0\""),
      (["--repeat", "100001"], "--repeat needs a number from 1 to 100000, not \"100001\""),
      (["--timeout", "0"], "--timeout needs a number from 1 to 86400, not \"0\""),
      (["--timeout", "86401"], "--timeout needs a number from 1 to 86400, not \"86401\""),
      (["--timeout", "soon"], "--timeout needs a number from 1 to 86400, not \"soon\""),
      (["-o", "yaml"], "-o takes json, not \"yaml\""),
      (["--nri-version", "0.5"], "--nri-version takes 0.6 to 0.12, not \"0.5\""),
      (["--nri-version", "0.13"], "--nri-version takes 0.6 to 0.12, not \"0.13\""),
      (
        ["--refuse", "all"],
        "--refuse takes one of create, validate, start, runc-create, runc-start, stop, remove, stop-pod, remove-pod, "
          + "not \"all\""
      ),
    ])
  func refusal(arguments: [String], message: String) {
    #expect(throws: UsageError(message)) { try parsed(arguments) }
  }

  @Test("a profile is not needed where the plugin's configuration chooses")
  func configurationAlone() throws {
    #expect(try parsed(["--config", "c.yaml", "--", "true"]).profile == nil)
  }

  private func document(_ path: String) throws -> String {
    let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    return try Files.text("/\(root)/\(path)")
  }

  @Test("CONTRIBUTING.md has every option that only tests need, and every step; the help has none of these options")
  func testOptions() throws {
    let text = try document("CONTRIBUTING.md")
    for option in OptionTable.testOptions {
      #expect(text.contains("\n| `\(option.name)"), "\(option.name)")
      #expect(!Options.syntax.help.contains(option.name), "\(option.name)")
    }
    for step in Step.allCases { #expect(text.contains("`\(step.rawValue)`"), "\(step)") }
  }

  @Test("docs/try.md has every option and every kind of record")
  func documentation() throws {
    let text = try document("docs/try.md")
    for option in OptionTable.options { #expect(text.contains("`\(option.name)"), "\(option.name)") }
    for kind in ["run", "execution", "log", "message", "result"] {
      #expect(text.contains("\n| `\(kind)` |"), "\(kind)")
    }
  }
}
