import CommandOptions
import Doctor
import System

/// `stockade doctor`
enum DoctorCommand {
  struct Options: Sendable {
    var format = OutputFormat.table
    var isThorough = false
  }

  static let syntax = CommandSyntax<Options>(
    name: "doctor",
    summary: "say what this node can enforce, and how to get more",
    description: """
      Looks at this node: its kernel, its cgroups, containerd, the configuration and the profiles. It loads
      BPF programs to prove the tier, and leaves nothing of them. It needs root for that.
      """,
    options: [
      CommandOption("--thorough", help: "let crowds of processes try to get past the tier, also without memory") {
        options, _ in options.isThorough = true
      },
      .output { $0.format = $1 },
    ],
    examples: [("stockade doctor", "what does this node lack?")],
    exitStatuses: [
      ("0", "nothing is missing"),
      ("1", "something is missing that enforcement needs, or it could not be found out"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      let diagnosis = Diagnosis.ofThisNode(isThorough: options.isThorough)
      put(options.format.text(table: diagnosis.table, diagnosis.json), to: 1)
      return diagnosis.exitStatus
    }
  }
}
