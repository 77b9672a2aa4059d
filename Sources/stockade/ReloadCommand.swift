import CommandOptions
import Control
import System
import YAML

/// `stockade reload`
enum ReloadCommand {
  static let syntax = CommandSyntax<Void>(
    name: "reload",
    summary: "read the profiles again, and say what came of it",
    description: """
      Lets the Stockade that serves this node read its profiles again, and waits for that. Stockade follows
      changes by itself; this says what is wrong with them. A changed configuration needs a restart. It needs
      root.
      """,
    examples: [("stockade reload", "are the new profiles in force?")],
    exitStatuses: [
      ("0", "all profiles can be used"), ("1", "a profile cannot be used, or nobody answered"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, ()) {
      asking(syntax.name) { client in
        let outcome = try client.reload()
        put(
          outcome.changed.isEmpty
            ? "no profile has changed\n" : "changed: \(outcome.changed.joined(separator: ", "))\n", to: 1)
        for problem in outcome.problems { put("\(printable(problem))\n", to: 2) }
        return outcome.problems.isEmpty ? 0 : 1
      }
    }
  }
}
