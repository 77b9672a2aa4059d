import CommandOptions
import Control
import Doctor
import Glibc
import Status
import System

/// `stockade status`
enum StatusCommand {
  struct Options: Sendable { var format = OutputFormat.table }

  static let syntax = CommandSyntax<Options>(
    name: "status",
    summary: "say whether this node is protected, and what is in force on it",
    description: """
      Asks the Stockade that serves this node, and prints one screen: whether all is enforced that should
      be, the tier, the runtime, the gates, the containers and what was lost. It needs root.
      """,
    options: [.output { $0.format = $1 }],
    examples: [("stockade status", "is this node protected?")],
    exitStatuses: [
      ("0", "the node is protected"), ("1", "it is not, or nobody answered"), ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      asking(syntax.name) { client in
        let status = try client.status()
        let required = Diagnosis.requiredPlugin()
        let requirement = required.map { finding in
          JSON.object([("level", .string(finding.level.rawValue)), ("found", .string(finding.found))])
        }
        let json = status.json.adding(("requiredPlugin", requirement ?? .null))
        put(
          options.format.text(
            table: status.table(
              requiredPlugin: required?.found, nowNanoseconds: Timestamp.now(CLOCK_REALTIME)), json), to: 1)
        return status.isProtected ? 0 : 1
      }
    }
  }
}

/// Asks the Stockade that serves this node.
///
/// - Parameter body: returns the exit status.
func asking(_ command: String, _ body: (ControlClient) throws -> Int32) -> Int32 {
  do { return try body(ControlClient()) } catch {
    put("stockade \(command): \(error)\n", to: 2)
    return 1
  }
}

extension JSON {
  /// An object with one more member.
  fileprivate func adding(_ member: (String, JSON)) -> JSON {
    guard case .object(let members) = self else { return self }
    return .object(members + [member])
  }
}
