import Daemon
import Glibc
import System
import Try

/// The command line: the first word chooses. Without arguments, and with the runtime's socket in the environment, it is
/// the plugin that the runtime launched.
enum Command {
  static let version = "0.1.0"

  static let help = """
    usage: stockade COMMAND

      run [--config FILE] [--socket PATH] [--name NAME] [--index NN]
                               serve the runtime's NRI socket (default \(NRISocket.defaultPath))
      try --profile FILE -- COMMAND [ARG...]
                               run a command in a container under a profile; see stockade try --help
      profile check [-o json] [--node tier=TIER,cgroup=LAYOUT,containerd=VERSION] PATH...
                               say what is wrong with profiles (files, folders, - for standard input), and what
                               this node, or the one described, does not enforce
      doctor [-o json]         say what this node can enforce, and how to get more
      version                  print the version

    Launched by containerd from /opt/nri/plugins it needs no arguments.

    """

  /// - Returns: the exit status; 2 for a wrong command line.
  static func main(_ arguments: [String]) -> Int32 {
    // A reader that went away is an error of the write that notices it.
    signal(SIGPIPE, SIG_IGN)
    guard let command = arguments.first else {
      if Service.isLaunched { return Service.launched() }
      return usage("no command")
    }
    let rest = Array(arguments.dropFirst())
    switch command {
    case "run": return RunCommand.main(rest)
    case "try": return Try.main(rest, makePlugin: TryCommand.makePlugin)
    case "profile": return ProfileCommand.main(rest)
    case "doctor": return DoctorCommand.main(rest)
    case "version", "--version": return print("stockade \(version)\n")
    case "help", "--help", "-h": return print(help)
    default: return usage("unknown command \"\(command)\"")
    }
  }

  static func usage(_ problem: String) -> Int32 {
    put("stockade: \(problem)\n\n\(help)", to: 2)
    return 2
  }

  static func print(_ text: String) -> Int32 {
    put(text, to: 1)
    return 0
  }
}
