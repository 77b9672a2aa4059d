import CommandOptions
import ProfileCheck
import System

/// `stockade profile check`
enum ProfileCheckCommand {
  static let syntax = CommandSyntax<CheckOptions>(
    name: "profile check",
    summary: "say what is wrong with profiles, and what a node does not enforce of them",
    description: """
      Reads profiles as the plugin would: files, the files of folders, or - for standard input. Says what is
      wrong with them, and what the node does not enforce. The node is the one that it runs on, which needs
      root, or the one that --node describes (docs/profile-check.md).
      """,
    options: [
      CommandOption("--node", "DESCRIPTION", help: "judge for another node: tier=TIER,cgroup=LAYOUT,containerd=VERSION")
      {
        (options, value) throws(UsageError) in
        do throws(NodeDescriptionError) { options.node = try NodeDescription.parse(value) } catch {
          throw UsageError("--node \(value): \(error)")
        }
      },
      .output { $0.printsJSON = $1 == .json },
    ],
    operands: Operands("PATH...") { (options, paths) throws(UsageError) in
      if paths.isEmpty { throw UsageError("no profile; name files or folders, or - for standard input") }
      options.paths = paths
    },
    examples: [
      ("stockade profile check /etc/stockade/profiles", "can this node use its profiles?"),
      ("stockade profile check --node tier=lsm,cgroup=v2,containerd=2.3 web.yaml", "can another one use this profile?"),
    ],
    exitStatuses: [
      ("0", "every profile can be used"),
      ("1", "a profile is broken, or the node refuses it"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, CheckOptions()) { options in
      do { return try options.run() } catch {
        put("stockade profile check: \(error)\n", to: 2)
        return 1
      }
    }
  }
}
