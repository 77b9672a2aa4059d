import BPF
import CommandOptions
import Status
import System

/// `stockade version`
enum VersionCommand {
  static let version = StockadeVersion.text

  static let syntax = CommandSyntax<Void>(
    name: "version",
    summary: "print the version",
    description: """
      Prints the version of this program, and the number of the layout that its pins have. A node whose pins
      have a higher number cannot be served by this program.
      """,
    examples: [("stockade version", "which version is this?")],
    exitStatuses: [("0", "it was printed"), ("2", "the command line is wrong")])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, ()) {
      put("stockade \(version)\nlayout of the pins: \(FormerPins.layout)\n", to: 1)
      return 0
    }
  }
}
