import CommandOptions
import Daemon
import ProfileDiff
import Seccomp
import System

/// `stockade profile diff`
enum ProfileDiffCommand {
  struct Options: Sendable {
    var files: [String] = []
    var format = OutputFormat.table
  }

  static let syntax = CommandSyntax<Options>(
    name: "profile diff",
    summary: "say what one profile lets through that another does not",
    description: """
      Compares what two profiles mean, and not how they are written: it decides every operation that their rules
      tell apart under both. It says what B lets through that A does not, and the reverse. What the profiles
      extend is read from the folder of each (docs/explain.md).
      """,
    options: [.output { $0.format = $1 }],
    operands: Operands("A B") { (options, files) throws(UsageError) in
      if files.count != 2 { throw UsageError("takes two profiles") }
      options.files = files
    },
    examples: [
      ("stockade profile diff web.yaml web-new.yaml", "what does the new text allow that the old one did not?")
    ],
    exitStatuses: [
      ("0", "there is no difference"), ("1", "there are differences"),
      ("2", "the command line is wrong, or a profile is broken"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      do {
        let environment = try SeccompEnvironment.thisNode()
        let profiles = try options.files.map { try ComparedProfile(file: $0, environment) }
        let comparison = Comparison(profiles[0], profiles[1])
        put(options.format.text(table: comparison.table, comparison.json), to: 1)
        return comparison.differences.isEmpty ? 0 : 1
      } catch {
        put("stockade \(syntax.name): \(error)\n", to: 2)
        return 2
      }
    }
  }
}

extension ComparedProfile {
  fileprivate init(file: String, _ environment: SeccompEnvironment) throws {
    let loaded = try LoadedProfile(file: file, environment: environment)
    self.init(
      loaded.profile, filter: try loaded.seccomp.map { try ComparedFilter($0, environment.architecture) },
      binds: loaded.compiled.policy.binds)
  }
}
