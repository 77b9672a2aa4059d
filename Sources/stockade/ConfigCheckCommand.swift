import CommandOptions
import Daemon
import Policy
import System
import YAML

/// `stockade config check`
enum ConfigCheckCommand {
  struct Options: Sendable { var file = Daemon.configurationFile }

  static let syntax = CommandSyntax<Options>(
    name: "config check",
    summary: "say what is wrong with a configuration of the node",
    description: """
      Reads a configuration as the plugin would. Says what is wrong with it, what does nothing, and which
      profiles it names that its folder has not. stockade profile check looks at the profiles themselves.
      """,
    operands: Operands("[FILE]") { (options, words) throws(UsageError) in
      if words.count > 1 { throw UsageError("takes one file") }
      options.file = words.first ?? options.file
    },
    examples: [("stockade config check /etc/stockade/stockade.yaml", "would the plugin take this?")],
    exitStatuses: [
      ("0", "it can be used; what does nothing was said"), ("1", "it is broken, or names a profile that is not there"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      do {
        let check = try ConfigurationCheck(file: options.file)
        for warning in check.warnings { put("\(options.file): warning: \(printable(warning))\n", to: 1) }
        for error in check.errors { put("\(options.file): error: \(printable(error))\n", to: 1) }
        put("\(options.file): \(check.errors.isEmpty ? "ok" : "broken")\n", to: 1)
        return check.errors.isEmpty ? 0 : 1
      } catch {
        put("\(error)\n", to: 2)
        return 1
      }
    }
  }
}
