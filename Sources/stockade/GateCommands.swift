import CommandOptions
import Daemon
import Doctor
import Events
import System

/// `stockade gate close`, `open`, `free` and `status`
enum GateCommands {
  private static let exitStatuses = [
    ("0", "it is done"), ("1", "it could not be done; the error says so where something of it was done"),
    ("2", "the command line is wrong"),
  ]

  private static func main(_ command: String, _ body: () throws -> Void) -> Int32 {
    do {
      try body()
      return 0
    } catch {
      put("stockade \(command): \(error)\n", to: 2)
      return 1
    }
  }

  // MARK: close

  struct CloseOptions: Sendable { var file = Daemon.configurationFile }

  static let close = CommandSyntax<CloseOptions>(
    name: "gate close",
    summary: "let no container's program run until Stockade lets it through",
    description: """
      Closes the node gate, which the configuration must ask for (nodeGate.enabled). From then on no program
      of a pod runs but its sandbox's, until a Stockade that runs lets its container through. What runs
      already goes on. Meant for boot, before the runtime starts (config/systemd/stockade-gate.service). It
      also ends an opening by stockade gate open. It needs root.
      """,
    options: [
      CommandOption("--config", "FILE", help: "the configuration (default: \(Daemon.configurationFile))") {
        $0.file = $1
      }
    ],
    examples: [("stockade gate close", "as at boot")], exitStatuses: exitStatuses)

  static func closeMain(_ arguments: [String]) -> Int32 {
    close.main(arguments, CloseOptions()) { options in
      main(close.name) {
        let (outcome, parents) = try NodeGateCommand.close(
          configurationFile: options.file, runtimeProblem: { NodeGateRuntime.problem() })
        put("the node gate is closed in \(parents.joined(separator: ", "))\n", to: 1)
        for path in outcome.exempt { put("never held back: \(path)\n", to: 1) }
        let others = outcome.entered.count - outcome.exempt.count
        if others > 0 { put("\(others) pods were there already; what runs in them goes on\n", to: 1) }
      }
    }
  }

  // MARK: open

  struct OpenOptions: Sendable {
    var seconds: Int?
    var reason = ""
  }

  static let open = CommandSyntax<OpenOptions>(
    name: "gate open",
    summary: "in an emergency, let every program run for a time",
    description: """
      Opens every gate of the node for a time. The kernel compares it with the clock, so the gates hold again
      afterwards whatever has become of Stockade. What starts meanwhile runs unconfined if no Stockade is
      there, and what it executes afterwards is refused. The machine's log and the events say who did it, and
      why. It needs root. stockade gate close ends it early, where the node gate is on.
      """,
    options: [
      CommandOption("--for", "TIME", help: "how long: a number and s, m or h, at most 24h") {
        (options, value) throws(UsageError) in options.seconds = try seconds(value)
      },
      CommandOption("--reason", "TEXT", help: "why; it is kept") { $0.reason = $1 },
    ],
    examples: [("stockade gate open --for 10m --reason 'stockade does not start'", "lets pods start for ten minutes")],
    exitStatuses: exitStatuses)

  static func openMain(_ arguments: [String]) -> Int32 {
    open.main(arguments, OpenOptions()) { options in
      guard let seconds = options.seconds, !options.reason.isEmpty else {
        return open.refuse("needs --for and --reason")
      }
      return main(open.name) {
        let until = try NodeGateCommand.pinned().open(seconds: seconds, reason: options.reason)
        put("all gates are open until \(Timestamp.rfc3339(nanoseconds: until))\n", to: 1)
      }
    }
  }

  private static func seconds(_ text: String) throws(UsageError) -> Int {
    guard let seconds = NodeGateCommand.openingSeconds(text) else {
      throw UsageError("--for takes a number and s, m or h, at most 24h, not \"\(text)\"")
    }
    return seconds
  }

  // MARK: free

  struct FreeOptions: Sendable {
    var pod = ""
    var reason = ""
  }

  static let free = CommandSyntax<FreeOptions>(
    name: "gate free",
    summary: "in an emergency, let every program of one pod run",
    description: """
      Opens the gate of one pod, as long as the pod is there. A Stockade that starts closes it again if the
      pod's containers need a profile. The machine's log and the events say who did it, and why. It needs root.
      """,
    options: [CommandOption("--reason", "TEXT", help: "why; it is kept") { $0.reason = $1 }],
    operands: Operands("POD") { (options, words) throws(UsageError) in
      guard words.count == 1 else { throw UsageError("takes one pod: its UID, or the path of its cgroup") }
      options.pod = words[0]
    },
    examples: [
      ("stockade gate free --reason 'DNS is down' 0f6e4c1e-5d0a-4f0e-9d3b-2f1c6a7b8c9d", "lets one pod's programs run")
    ],
    exitStatuses: exitStatuses)

  static func freeMain(_ arguments: [String]) -> Int32 {
    free.main(arguments, FreeOptions()) { options in
      guard !options.reason.isEmpty else { return free.refuse("needs --reason") }
      return main(free.name) {
        let path = try NodeGateCommand.pinned().free(options.pod, reason: options.reason)
        put("the gate of \(path) is open\n", to: 1)
      }
    }
  }

  // MARK: status

  struct StatusOptions: Sendable { var format = OutputFormat.table }

  static let status = CommandSyntax<StatusOptions>(
    name: "gate status",
    summary: "say which gates are closed, and what they refused",
    description: """
      Prints whether the node gate is closed, until when all gates are open, and of each pod that has a gate
      whether it is closed, and how many programs it has refused. It needs root. Stockade need not run.
      """,
    options: [.output { $0.format = $1 }],
    examples: [("stockade gate status", "which pods wait to be let through?")], exitStatuses: exitStatuses)

  static func statusMain(_ arguments: [String]) -> Int32 {
    status.main(arguments, StatusOptions()) { options in
      main(status.name) {
        let status = try NodeGateCommand.pinned().status()
        put(options.format.text(table: status.table, status.json), to: 1)
      }
    }
  }
}

extension NodeGateCommand.Status {
  fileprivate var until: String? { openUntilNanoseconds.map { Timestamp.rfc3339(nanoseconds: $0) } }

  fileprivate var table: String {
    var lines = [parents.isEmpty ? "node gate  open" : "node gate  closed in \(parents.joined(separator: ", "))"]
    if !isWhole {
      lines.append("the node gate is closed in part: somebody was ended while he closed or opened it; close it again")
    }
    if let until { lines.append("all gates  open until \(until)") }
    if letThrough > 0 { lines.append("let through while they were open  \(letThrough) programs") }
    lines += pods.map { "\($0.isFree ? "free  " : "closed")  \($0.path)  refused \($0.refused)" }
    return lines.map { "\($0)\n" }.joined()
  }

  fileprivate var json: JSON {
    .object([
      ("nodeGate", .string(!isWhole ? "partlyClosed" : parents.isEmpty ? "open" : "closed")),
      ("parents", .array(parents.map { .string($0) })),
      ("openUntil", until.map { .string($0) } ?? .null), ("letThrough", .unsigned(letThrough)),
      (
        "pods",
        .array(
          pods.map {
            .object([
              ("cgroup", .string($0.path)), ("gate", .string($0.isFree ? "free" : "closed")),
              ("refused", .integer(Int64($0.refused))),
            ])
          })
      ),
    ])
  }
}
