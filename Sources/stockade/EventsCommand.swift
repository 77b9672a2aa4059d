import CommandOptions
import Control
import Events
import Glibc
import System
import YAML

/// `stockade events`
enum EventsCommand {
  struct Options: Sendable {
    var request = WatchRequest()
    var follows = false
    var writesRecords = false
  }

  private static let backlogDefault = 20
  private static let backlogMax = 512
  private static let actions = ["Block", "Audit"]
  /// The time until a connection that ended is tried again.
  private static let retryMicroseconds: UInt32 = 500_000

  static let syntax = CommandSyntax<Options>(
    name: "events",
    summary: "show what profiles denied and audited, a line each",
    description: """
      Asks the Stockade that serves this node for its last events, and goes on with those to come. An option
      that is given several times lets each of its values pass. What is missing in a place is said there. It
      needs root.
      """,
    options: [
      CommandOption("--follow", help: "go on with the events to come, also after a restart of Stockade") { options, _ in
        options.follows = true
      },
      CommandOption("--last", "N", help: "begin with the last N such events (default: \(backlogDefault))") {
        (options, value) throws(UsageError) in
        options.request.backlog = try OptionValue.number(value, of: "--last", 0...backlogMax)
      },
      CommandOption("--namespace", "NAME", help: "only of pods of this namespace", isRepeatable: true) {
        $0.request.filter.namespaces.append($1)
      },
      CommandOption("--pod", "NAME", help: "only of this pod", isRepeatable: true) {
        $0.request.filter.pods.append($1)
      },
      CommandOption("--container", "NAME", help: "only of the container of this name or id", isRepeatable: true) {
        $0.request.filter.containers.append($1)
      },
      CommandOption("--profile", "NAME", help: "only under this profile", isRepeatable: true) {
        $0.request.filter.profiles.append($1)
      },
      CommandOption(
        "--section", "NAME", help: "only of this section: process, file, network, kernel, seccomp or node",
        isRepeatable: true, words: EventSection.allCases.map(\.rawValue)
      ) { (options, value) throws(UsageError) in
        let section: EventSection = try OptionValue.word(value, of: "--section")
        options.request.filter.sections.append(section.rawValue)
      },
      CommandOption(
        "--action", "NAME", help: "only what the profile says so of: Block or Audit", isRepeatable: true,
        words: actions
      ) { (options, value) throws(UsageError) in
        guard actions.contains(value) else { throw UsageError("--action takes Block or Audit, not \"\(value)\"") }
        options.request.filter.actions.append(value)
      },
      .recordOutput("print the records as JSON, as docs/events.md describes them") { $0.writesRecords = true },
    ],
    examples: [
      ("stockade events --follow --action Block", "watch what is blocked"),
      ("stockade events --namespace shop -o json", "the last records of a namespace"),
    ],
    exitStatuses: [
      ("0", "they were printed"), ("1", "nobody answered"), ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    var options = Options()
    options.request.backlog = backlogDefault
    return syntax.main(arguments, options) { options in
      asking(syntax.name) { client in
        var screen = EventScreen(options)
        guard options.follows else {
          screen.request.isPastOnly = true
          try client.watch(screen.request) { screen.show($0) }
          return 0
        }
        follow(client, &screen)
      }
    }
  }

  /// Goes on until a signal ends the process, or nobody reads what it prints.
  private static func follow(_ first: ControlClient, _ screen: inout EventScreen) -> Never {
    var client: ControlClient? = first
    while true {
      do { try (client ?? ControlClient()).watch(screen.request) { screen.show($0) } } catch {
        screen.tell("\(error); trying again")
      }
      if screen.isClosed { exit(0) }
      client = nil
      usleep(retryMicroseconds)
    }
  }
}

/// Prints what comes.
struct EventScreen {
  var request: WatchRequest
  /// Nobody reads any more.
  private(set) var isClosed = false
  private let writesRecords: Bool
  private let isColoured: Bool
  private var told = ""

  init(_ options: EventsCommand.Options) {
    request = options.request
    writesRecords = options.writesRecords
    // https://no-color.org
    isColoured = isatty(1) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
  }

  /// - Returns: whether more may come.
  mutating func show(_ item: ControlClient.WatchItem) -> Bool {
    switch item {
    case .begin(let position): request.after = position
    case .event(let event):
      if let position = event.position { request.after = position }
      isClosed = !put((writesRecords ? event.record : event.line(isColoured: isColoured)) + "\n", to: 1)
    case .lost(let count, let reason):
      tell((count == 0 ? "events are missing" : "\(count) events are missing") + " here: \(reason)")
    }
    told = ""
    return !isClosed
  }

  /// Says something once on standard error.
  mutating func tell(_ problem: String) {
    if problem != told { put("stockade events: \(printable(problem))\n", to: 2) }
    told = problem
  }
}
