import CommandOptions
import Daemon
import Glibc
import Keeper
import Policy
import RPC
import System
import Try

/// The command line: the first words choose the command. Without arguments, and with the runtime's socket in the
/// environment, this process is the plugin that the runtime launched.
enum CommandList {
  static let commands: [Command] = [
    Command(RunCommand.syntax, main: RunCommand.main),
    Command(Options.syntax) { Try.main($0, makePlugin: TryCommand.makePlugin) },
    Command(StatusCommand.syntax, main: StatusCommand.main),
    Command(ContainersCommand.syntax, main: ContainersCommand.main),
    Command(EventsCommand.syntax, main: EventsCommand.main),
    Command(ReloadCommand.syntax, main: ReloadCommand.main),
    Command(AuditCommand.syntax, main: AuditCommand.main),
    Command(RecordCommand.syntax, main: RecordCommand.main),
    Command(ProfileCheckCommand.syntax, main: ProfileCheckCommand.main),
    Command(ProfileExplainCommand.syntax, main: ProfileExplainCommand.main),
    Command(ProfileDiffCommand.syntax, main: ProfileDiffCommand.main),
    Command(ProfileImportCommand.syntax, main: ProfileImportCommand.main),
    Command(ProfileMergeCommand.syntax, main: ProfileMergeCommand.main),
    Command(ProfileTestCommand.syntax, main: ProfileTestCommand.main),
    Command(ConfigCheckCommand.syntax, main: ConfigCheckCommand.main),
    Command(DoctorCommand.syntax, main: DoctorCommand.main),
    Command(GateCommands.status, main: GateCommands.statusMain),
    Command(GateCommands.close, main: GateCommands.closeMain),
    Command(GateCommands.open, main: GateCommands.openMain),
    Command(GateCommands.free, main: GateCommands.freeMain),
    Command(DetachCommand.syntax, main: DetachCommand.main),
    Command(CompletionCommand.syntax, main: CompletionCommand.main),
    Command(ManualCommand.syntax, main: ManualCommand.main),
    Command(VersionCommand.syntax, main: VersionCommand.main),
  ]

  static var help: String {
    """
    usage: stockade COMMAND [OPTION...]

    \(columns(commands.map { ($0.name, $0.summary) }))
    stockade COMMAND --help prints the options of a command, an example and its exit statuses.
    containerd starts the plugin from /opt/nri/plugins without any arguments.

    """
  }

  /// - Returns: the exit status; 2 for a wrong command line.
  static func main(_ arguments: [String]) -> Int32 {
    // If a reader went away, the write that notices it gets an error.
    signal(SIGPIPE, SIG_IGN)
    GRPC.clearEnvironment()
    Memory.keepLittle()
    if arguments.isEmpty, Service.isLaunched { return Service.launched() }
    switch arguments.first {
    case nil:
      // Swift takes the words from there, the program's own name too.
      if CommandLine.arguments.isEmpty { return refuse("cannot read the command line from /proc; mount proc there") }
      return refuse("no command")
    // The keeper that the launched plugin starts, and the Stockade that the keeper starts; ARCHITECTURE.md.
    case KeptDescriptors.keeperWord: return Keeper.main(Array(arguments.dropFirst()))
    case KeptDescriptors.keptWord: return Service.kept(Array(arguments.dropFirst()))
    case "--help", "-h": return show(help)
    case "--version": return VersionCommand.main([])
    case "help":
      let rest = Array(arguments.dropFirst())
      return rest.isEmpty ? show(help) : run(rest, isHelp: true)
    default: return run(arguments, isHelp: false)
    }
  }

  /// Runs the command with which `words` begin.
  private static func run(_ words: [String], isHelp: Bool) -> Int32 {
    for command in commands {
      let name = command.name.split(separator: " ").map(String.init)
      guard words.starts(with: name) else { continue }
      let rest = Array(words.dropFirst(name.count))
      guard isHelp else { return command.main(rest) }
      return rest.isEmpty ? command.main(["--help"]) : refuse("help: unexpected \"\(rest[0])\"")
    }
    return refuse(unknown(words))
  }

  private static func unknown(_ words: [String]) -> String {
    let group = commands.map(\.name).filter { $0.split(separator: " ").first.map(String.init) == words[0] }
    if !group.isEmpty { return "\"\(words[0])\" needs one more word: \(group.joined(separator: ", "))" }
    let advice = Suggestion.nearest(to: words[0], among: commands.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
    return "unknown command \"\(words[0])\"\(advice)"
  }

  private static func refuse(_ problem: String) -> Int32 {
    put("stockade: \(problem); see stockade --help\n", to: 2)
    return 2
  }

  private static func show(_ text: String) -> Int32 {
    put(text, to: 1)
    return 0
  }
}
