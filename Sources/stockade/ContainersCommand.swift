import CommandOptions
import Control
import Status
import System

/// `stockade containers`
enum ContainersCommand {
  struct Options: Sendable {
    var format = OutputFormat.table
    var id: String?
  }

  static let syntax = CommandSyntax<Options>(
    name: "containers",
    summary: "list the containers of this node, or tell what is in force for one",
    description: """
      Asks the Stockade that serves this node. Without an id it lists all containers that Stockade knows. With
      an id, or the beginning of one, it also says what of the profile is not enforced. It needs root.
      """,
    options: [.output { $0.format = $1 }],
    operands: Operands("[ID]") { (options, words) throws(UsageError) in
      if words.count > 1 { throw UsageError("takes one id, or none") }
      options.id = words.first
    },
    examples: [
      ("stockade containers", "what runs here, and under which profiles?"),
      ("stockade containers 4f1c", "what is in force for this one?"),
    ],
    exitStatuses: [
      ("0", "it was printed"), ("1", "nobody answered, or there is no such container"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      asking(syntax.name) { client in
        if let id = options.id {
          let details = try client.container(id)
          put(options.format.text(table: details.table, details.json), to: 1)
        } else {
          let containers = try client.containers()
          put(options.format.text(table: ContainerStatus.table(containers), .array(containers.map(\.json))), to: 1)
        }
        return 0
      }
    }
  }
}
