import CommandOptions
import Control
import Daemon
import Glibc
import Policy
import System
import YAML

/// `stockade record`
enum RecordCommand {
  struct Options: Sendable {
    var scope: AuditScope?
    var seconds: UInt32 = 600
    var hasArguments = false
    var path = ""
  }

  static let syntax = CommandSyntax<Options>(
    name: "record",
    summary: "write down what a running container does",
    description: """
      Asks the Stockade that serves this node to record a container, or the containers of a pod, and writes
      what they did to FILE. FILE may be a folder: then each container has a file there, and a pod with
      several containers needs one. What is enforced does not change meanwhile. It ends when the time is
      over, when the containers have ended, or at ctrl-C, and all three write what was recorded. It needs
      root. docs/try.md says what is recorded.
      """,
    options: [
      CommandOption("--container", "ID", help: "the container of this id") { $0.scope = .container($1) },
      CommandOption("--pod", "NAMESPACE/NAME", help: "the containers of this pod, by its name or UID") {
        $0.scope = AuditScope(pod: $1)
      },
      CommandOption("--for", "TIME", help: "how long: a number and s, m or h, at most 24h (default: 10m)") {
        (options, value) throws(UsageError) in
        guard let seconds = NodeGateCommand.openingSeconds(value), seconds <= Int(RecordRequest.secondsMax) else {
          throw UsageError("--for takes a number and s, m or h, at most 24h, not \"\(value)\"")
        }
        options.seconds = UInt32(seconds)
      },
      CommandOption("--arguments", help: "record programs with their arguments, which may hold secrets") {
        (options, _) in
        options.hasArguments = true
      },
    ],
    operands: Operands("FILE") { (options, words) throws(UsageError) in
      guard words.count == 1 else { throw UsageError("needs one FILE or folder to write to") }
      guard options.scope != nil else { throw UsageError("needs --container ID or --pod NAMESPACE/NAME") }
      options.path = words[0]
    },
    examples: [
      ("stockade record --for 30m --pod shop/web-1 web.json", "what does the pod do in half an hour?")
    ],
    exitStatuses: [
      ("0", "the recordings are written"), ("1", "it was refused, nobody answered, or a file cannot be written"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    // Before there is any other thread: the one that waits for them gets them.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    return syntax.main(arguments, Options()) { options in
      guard let scope = options.scope else { return 2 }
      return asking(syntax.name) { client in
        var sink = RecordingSink(path: options.path)
        try client.record(RecordRequest(scope: scope, seconds: options.seconds, hasArguments: options.hasArguments)) {
          item in
          if case .begin(let name, _) = item { endAtSignal(name, signals) }
          sink.take(item)
        }
        return sink.finish()
      }
    }
  }

  /// Ends the recording at the first signal. The second one ends this process.
  private static func endAtSignal(_ name: String, _ signals: sigset_t) {
    let waiting = try? Thread {
      var (signals, received) = (signals, Int32(0))
      sigwait(&signals, &received)
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
      do { try ControlClient().endRecording(name) } catch {
        put("stockade record: \(error)\n", to: 2)
        exit(1)
      }
      sigwait(&signals, &received)
    }
    kept.append(waiting)
  }

  nonisolated(unsafe) private static var kept: [Thread?] = []
}

/// Writes recordings as they come.
struct RecordingSink {
  private let path: String
  private var pieces: [String: [UInt8]] = [:]
  private var containers: [String] = []
  private var written = 0
  private var problems: [String] = []

  init(path: String) { self.path = path }

  mutating func take(_ item: ControlClient.RecordItem) {
    switch item {
    case .begin(_, let containers):
      self.containers = containers
      put("stockade record: recording \(printable(containers.joined(separator: ", ")))\n", to: 2)
    case .piece(let container, let text, let isLast):
      pieces[container, default: []] += text
      if isLast, let whole = pieces.removeValue(forKey: container) { write(whole, of: container) }
    }
  }

  private mutating func write(_ recording: [UInt8], of container: String) {
    do throws(Errno) {
      let file = try file(of: container)
      try Files.replace(file, with: String(decoding: recording, as: UTF8.self), mode: 0o600)
      put("stockade record: \(printable(container)) is in \(printable(file))\n", to: 2)
      written += 1
    } catch { problems.append("\(error)") }
  }

  private func file(of container: String) throws(Errno) -> String {
    let isFolder = (try? Files.status(path)).map { $0.st_mode & S_IFMT == S_IFDIR } ?? false
    guard isFolder else {
      if containers.count > 1 { throw Errno(ENOTDIR, "write the recordings of several containers to \(path)") }
      return path
    }
    // A container's name is a DNS label; whoever answers may say anything.
    guard container.utf8.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") }), !container.isEmpty else {
      throw Errno(EINVAL, "name a file after the container \(printable(container))")
    }
    return "\(path)/\(container).json"
  }

  /// - Returns: the exit status.
  func finish() -> Int32 {
    for problem in problems { put("stockade record: \(printable(problem))\n", to: 2) }
    if written == 0, problems.isEmpty { put("stockade record: nothing was recorded\n", to: 2) }
    return written == containers.count && written > 0 ? 0 : 1
  }
}

extension UInt8 {
  fileprivate var isAlphanumeric: Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(self)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(self)
  }
}
