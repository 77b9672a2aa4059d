import CommandOptions
import Daemon

/// `stockade run`
enum RunCommand {
  static let syntax = CommandSyntax<Service.RunOptions>(
    name: "run",
    summary: "serve the runtime's NRI socket, as a service",
    description: """
      Connects to the NRI socket of the runtime and confines its containers until SIGTERM or SIGINT. It
      waits for the socket, and connects again whenever the connection ends. It needs root. It logs to
      standard error, and writes events to standard output unless the configuration sets eventsFile. SIGHUP
      makes it read the profiles again and begin the file of events anew.
      """,
    options: [
      CommandOption(
        "--config", "FILE",
        help: "the configuration (default: \(Daemon.configurationFile), where that is there)"
      ) { $0.configurationFile = $1 },
      CommandOption("--socket", "PATH", help: "the runtime's NRI socket (default: \(NRISocket.defaultPath))") {
        $0.socketPath = $1
      },
      CommandOption("--name", "NAME", help: "the plugin's name for the runtime (default: stockade)") {
        (options, value) throws(UsageError) in
        options.name = value
        guard options.isNamedWell else {
          throw UsageError("--name takes the characters A-Z a-z 0-9 _ . + -, not \"\(value)\"")
        }
      },
      CommandOption("--index", "NN", help: "its place among the runtime's plugins, two digits (default: 10)") {
        (options, value) throws(UsageError) in
        options.index = value
        guard options.isNamedWell else { throw UsageError("--index takes two digits, not \"\(value)\"") }
      },
    ],
    examples: [
      ("stockade run", "with the usual configuration, as a unit of systemd would"),
      ("stockade run --config /etc/stockade/test.yaml --socket /run/test/nri.sock", "in place of the usual ones"),
    ],
    exitStatuses: [
      ("0", "SIGTERM or SIGINT ended it"), ("1", "it is not root, or another Stockade serves this node"),
      (
        "2", "the command line is wrong, the file of --config is missing or wrong, or the runtime moved to other mounts"
      ),
    ])

  static func main(_ arguments: [String]) -> Int32 { syntax.main(arguments, Service.RunOptions(), Service.run) }
}
