import CommandOptions
import Control
import Daemon
import Explanation
import Policy
import ProfileCheck
import Seccomp
import System

/// `stockade profile explain`
enum ProfileExplainCommand {
  struct Options: Sendable {
    var node = NodeDescription()
    var container: String?
    var profile = ""
    /// In front of the verb, as an operation has them.
    var words: [String] = []
    var format = OutputFormat.table

    /// The profile's file comes first, unless a container is asked about.
    mutating func take(_ operands: [String]) throws(UsageError) {
      var rest = operands[...]
      if container == nil {
        guard let file = rest.popFirst() else { throw UsageError("no profile; name its file, or a container") }
        profile = file
      }
      words += rest
    }
  }

  static let syntax = CommandSyntax<Options>(
    name: "profile explain",
    summary: "say what becomes of an operation under a profile, and which rule decides",
    description: """
      Decides as the kernel would, by the profile's file or for a container that runs, and says why: the rule
      with its line, the other rules that match, those that nearly match, and what enforces it on the node.
      OPERATION is one of: exec PATH [ARGUMENT...], map PATH, open PATH, connect ADDRESS:PORT/PROTOCOL,
      accept PEER PORT/PROTOCOL, bind PORT/PROTOCOL, syscall NAME [ARGUMENT...], socket FAMILY, or a word of
      kernel.block, such as mount. Write -- before arguments that begin with a dash (docs/explain.md).
      """,
    options: [
      CommandOption("--container", "ID", help: "ask the Stockade that runs about this container; needs root") {
        $0.container = $1
      },
      .node { $0.node = $1 },
      flag("--new", "exec, map: the file is not of the image"),
      flag("--fileless", "exec, map: the file is deleted, a memfd or detached"),
      flag("--entrypoint", "exec: it is the container's first program"),
      flag("--run-by-env", "exec: the env of the entrypoint's #! line starts it"),
      CommandOption("--interpreter", "PATH", help: "exec: the file is a script, and this is its interpreter") {
        $0.words += ["--interpreter", $1]
      },
      flag("--read", "open: for reading (default)"),
      flag("--write", "open: for writing; with --read for both"),
      .output { $0.format = $1 },
    ],
    operands: Operands("[PROFILE] OPERATION...", words: []) { (options, operands) throws(UsageError) in
      try options.take(operands)
    },
    examples: [
      ("stockade profile explain --node tier=lsm web.yaml exec /bin/sh -- -c id", "may it run a shell?"),
      ("stockade profile explain --container 4f1c connect 10.1.2.3:443/tcp", "why is this connection refused?"),
    ],
    exitStatuses: [
      ("0", "the operation goes on, perhaps audited, or because this node does not enforce what blocks it"),
      ("1", "it is stopped"), ("2", "the command line is wrong, the profile is broken, or nobody answered"),
    ])

  private static func flag(_ name: String, _ help: String) -> CommandOption<Options> {
    CommandOption(name, help: help) { (options, _) in options.words.append(name) }
  }

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      do {
        let operation: Operation
        do { operation = try Operation(options.words) } catch { return syntax.refuse("\(error)") }
        let explanation = try explain(operation, options)
        put(options.format.text(table: explanation.table, explanation.json), to: 1)
        return explanation.isStopped ? 1 : 0
      } catch {
        put("stockade \(syntax.name): \(error)\n", to: 2)
        return 2
      }
    }
  }

  private static func explain(_ operation: Operation, _ options: Options) throws -> Explanation {
    if let id = options.container { return try ControlClient().explain(options.words, container: id) }
    let environment = try SeccompEnvironment.thisNode()
    let loaded = try LoadedProfile(file: options.profile, environment: environment)
    let node = JudgedNode(options.node, .thisNode)
    var explainer = Explainer(
      loaded.profile, filter: loaded.explainedFilter(node.support, environment.architecture), node: node.capabilities)
    explainer.nodeProblem = node.summary
    explainer.container = loaded.usualContainer
    return explainer.explain(operation)
  }
}
