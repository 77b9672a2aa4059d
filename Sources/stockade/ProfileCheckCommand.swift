import CommandOptions
import ProfileCheck
import System

/// `stockade profile check`
enum ProfileCheckCommand {
  struct Options: Sendable {
    var check = CheckOptions()
    var format = OutputFormat.table
  }

  static let syntax = CommandSyntax<Options>(
    name: "profile check",
    summary: "say what is wrong with profiles, and what a node does not enforce of them",
    description: """
      Reads profiles as the plugin would: files, the files of folders, or - for standard input. Says what is
      wrong with them, and what the node does not enforce. The node is the one that it runs on, which needs
      root, or the one that --node describes (docs/profile-check.md).
      """,
    options: [
      .node { $0.check.node = $1 },
      CommandOption("--rootfs", "DIR", help: "also say which rules do nothing in this image's tree") {
        $0.check.rootfs = $1
      },
      .output { $0.format = $1 },
    ],
    operands: Operands("PATH...") { (options, paths) throws(UsageError) in
      if paths.isEmpty { throw UsageError("no profile; name files or folders, or - for standard input") }
      options.check.paths = paths
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
    syntax.main(arguments, Options()) { options in
      do {
        let report = try options.check.run()
        put(options.format.text(table: report.text, report.json), to: 1)
        return report.status
      } catch {
        put("stockade profile check: \(error)\n", to: 2)
        return 1
      }
    }
  }
}

extension CommandOption {
  /// `--node DESCRIPTION`. It is the same for every command that judges profiles.
  static func node(_ apply: @escaping @Sendable (inout Values, NodeDescription) -> Void) -> CommandOption {
    CommandOption("--node", "DESCRIPTION", help: "judge for another node: tier=TIER,cgroup=LAYOUT,containerd=VERSION") {
      (values, text) throws(UsageError) in
      do { apply(&values, try NodeDescription.parse(text)) } catch { throw UsageError("--node \(text): \(error)") }
    }
  }
}
