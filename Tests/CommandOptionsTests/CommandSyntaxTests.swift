import Testing

@testable import CommandOptions

private struct Values: Equatable, Sendable {
  var file: String?
  var labels: [String] = []
  var isLoud = false
  var format = OutputFormat.table
  var operands: [String] = []
}

private func syntax(_ operands: Operands<Values>?) -> CommandSyntax<Values> {
  CommandSyntax(
    name: "cook", summary: "cook something", description: "Cooks what is named.",
    options: [
      CommandOption("--file", "FILE", help: "the recipe") { $0.file = $1 },
      CommandOption("--label", "TEXT", help: "add a label", isRepeatable: true) { $0.labels.append($1) },
      CommandOption("--loud", help: "say more") { values, _ in values.isLoud = true },
      .output { $0.format = $1 },
    ],
    testOptions: [CommandOption("--burn", "MINUTES", help: "let it burn") { $0.file = $1 }],
    operands: operands,
    examples: [("stockade cook --loud", "cook, and say so")],
    exitStatuses: [("0", "it is done"), ("125", "it burnt")])
}

private let dishes = Operands<Values>("DISH...") { (values, found) throws(UsageError) in
  if found.isEmpty { throw UsageError("no dish") }
  values.operands = found
}
private let command = Operands<Values>("-- COMMAND", areAfterDashes: true) { $0.operands = $1 }

@Suite("the reading of a command line")
struct CommandSyntaxTests {
  @Test(
    "options and operands stand in any order; -- ends the options",
    arguments: [
      (["a"], Values(operands: ["a"])),
      (["--file", "f", "a", "--loud"], Values(file: "f", isLoud: true, operands: ["a"])),
      (["--file=f=g", "a"], Values(file: "f=g", operands: ["a"])),
      (["--label", "x", "--label=y", "a", "b"], Values(labels: ["x", "y"], operands: ["a", "b"])),
      (["-o", "json", "a"], Values(format: .json, operands: ["a"])),
      (["-"], Values(operands: ["-"])),
      (["--burn", "9", "a"], Values(file: "9", operands: ["a"])),
      (["a", "--", "--loud", "--help"], Values(operands: ["a", "--loud", "--help"])),
      (["--file=--loud", "a"], Values(file: "--loud", operands: ["a"])),
      (["--file", "-x", "a"], Values(file: "-x", operands: ["a"])),
    ])
  fileprivate func values(arguments: [String], expected: Values) throws {
    #expect(try syntax(dishes).parse(arguments, into: Values()) == expected)
  }

  @Test(
    "what cannot be understood is refused with what to write",
    arguments: [
      (["--fil", "x"], "unknown option \"--fil\"; did you mean \"--file\"?"),
      (["--quiet"], "unknown option \"--quiet\""),
      (["-x"], "unknown option \"-x\""),
      (["--file"], "--file needs a value: FILE"),
      (["--file", "--", "a"], "--file needs a value: FILE"),
      (["--file", "--burn", "a"], "--file needs a value: FILE"),
      (["--bur", "9"], "unknown option \"--bur\""),
      (["--burn", "1", "--burn", "2"], "--burn is given twice"),
      (["--file", "--loud", "a"], "--file needs a value: FILE"),
      (["--file=", "a"], "--file needs a value: FILE"),
      (["--file", "", "a"], "--file needs a value: FILE"),
      (["--file", "a", "--file", "b", "c"], "--file is given twice"),
      (["--loud", "--loud", "c"], "--loud is given twice"),
      (["--loud=yes"], "--loud takes no value"),
      (["-o", "xml"], "-o takes one of table, json, yaml, not \"xml\""),
      ([], "no dish"),
    ])
  func refusal(arguments: [String], message: String) {
    #expect(throws: UsageError(message)) { try syntax(dishes).parse(arguments, into: Values()) }
  }

  @Test("a command without operands refuses them, also behind --", arguments: [["a"], ["--", "a"]])
  func noOperands(arguments: [String]) {
    #expect(throws: UsageError("unexpected \"a\"")) { try syntax(nil).parse(arguments, into: Values()) }
  }

  @Test("a command that is to come after -- is taken as it is there, and nowhere else")
  func afterDashes() throws {
    let read = try syntax(command).parse(["--loud", "--", "ls", "--help", "--", "-x"], into: Values())
    #expect(read == Values(isLoud: true, operands: ["ls", "--help", "--", "-x"]))
    #expect(throws: UsageError("unexpected \"ls\"; the command comes after --")) {
      try syntax(command).parse(["ls"], into: Values())
    }
  }

  @Test("--help wins over what is missing", arguments: [["--help"], ["-h"], ["--loud", "--help"]])
  func helpIsAskedFor(arguments: [String]) throws {
    #expect(try syntax(dishes).parse(arguments, into: Values()) == nil)
  }

  @Test("the exit status is the body's, 0 for the help, and the command's own for a wrong command line")
  func status() {
    var cook = syntax(dishes)
    #expect(cook.main(["a"], Values()) { _ in 7 } == 7)
    #expect(cook.main(["--help"], Values()) { _ in 7 } == 0)
    #expect(cook.main([], Values()) { _ in 7 } == 2)
    cook.usageStatus = 125
    #expect(cook.main([], Values()) { _ in 7 } == 125)
  }

  @Test("the help has usage, options, an example and the exit statuses, in columns")
  func help() {
    #expect(
      syntax(dishes).help == """
        usage: stockade cook [OPTION...] DISH...

        Cooks what is named.

        Options:
          --file FILE   the recipe
          --label TEXT  add a label; repeatable
          --loud        say more
          -o FORMAT     print it as table, json, yaml (default: table)
          -h, --help    print this

        Examples:
          # cook, and say so
          stockade cook --loud

        Exit status:
          0    it is done
          125  it burnt

        """)
  }
}
