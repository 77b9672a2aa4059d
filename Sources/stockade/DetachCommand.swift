import CommandOptions
import Daemon
import System

/// `stockade detach`
enum DetachCommand {
  struct Options: Sendable {
    var isAll = false
    var reason = ""
  }

  static let syntax = CommandSyntax<Options>(
    name: "detach",
    summary: "in an emergency, take everything out of the kernel for good",
    description: """
      Removes every program, table and gate of Stockade from the kernel. What runs is confined by nothing but
      its seccomp filter from then on, and the node gate is open. Refused while a Stockade serves the node: it
      would put everything back. The machine's log says who did it, and why. It needs root.
      """,
    options: [
      CommandOption("--all", help: "say that everything is meant; nothing less can be detached") { options, _ in
        options.isAll = true
      },
      CommandOption("--reason", "TEXT", help: "why; it is kept") { $0.reason = $1 },
    ],
    examples: [
      ("stockade detach --all --reason 'replaced by another tool'", "before Stockade is taken off the node")
    ],
    exitStatuses: [
      ("0", "nothing of it is left"), ("1", "it could not be done"), ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      guard options.isAll, !options.reason.isEmpty else {
        return syntax.refuse("needs --all and --reason")
      }
      do {
        let (containers, pods) = try Detachment.detachAll(reason: options.reason)
        put(
          "nothing of stockade is left in the kernel; it held \(containers) containers and the gates of \(pods) pods\n",
          to: 1)
        return 0
      } catch {
        put("stockade detach: \(error)\n", to: 2)
        return 1
      }
    }
  }
}
