import CommandOptions
import System

/// `stockade version`
enum VersionCommand {
  static let version = "0.1.0"

  static let syntax = CommandSyntax<Void>(
    name: "version",
    summary: "print the version",
    description: "Prints the version of this program.",
    examples: [("stockade version", "which version is this?")],
    exitStatuses: [("0", "it was printed"), ("2", "the command line is wrong")])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, ()) {
      put("stockade \(version)\n", to: 1)
      return 0
    }
  }
}
