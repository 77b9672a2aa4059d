import CommandOptions
import Control
import Daemon
import Policy
import System
import YAML

/// `stockade audit`
enum AuditCommand {
  struct Options: Sendable {
    var scope: AuditScope?
    var seconds: UInt32?
    var reason = ""
    var ends = false
  }

  static let syntax = CommandSyntax<Options>(
    name: "audit",
    summary: "for a time, let pass what a profile blocks, and report it",
    description: """
      For one container, the containers of a pod or those of a profile, Block counts as Audit until a time that
      the kernel compares with its clock. So it ends whatever has become of Stockade. Seccomp filters do not
      change, and closed gates stay closed. Events say who began it and why. It is refused where a required
      binding chose the profile, unless the configuration has breakGlass: true. It needs root.
      """,
    options: [
      CommandOption("--for", "TIME", help: "how long: a number and s, m or h, at most 1h") {
        (options, value) throws(UsageError) in
        guard let seconds = NodeGateCommand.openingSeconds(value), seconds <= Int(AuditRequest.secondsMax) else {
          throw UsageError("--for takes a number and s, m or h, at most 1h, not \"\(value)\"")
        }
        options.seconds = UInt32(seconds)
      },
      CommandOption("--reason", "TEXT", help: "why; events tell it") { $0.reason = $1 },
      CommandOption("--end", help: "end it before its time") { options, _ in options.ends = true },
    ],
    operands: Operands("container|pod|profile NAME", words: ["container", "pod", "profile"]) {
      (options, words) throws(UsageError) in
      guard words.count == 2 else { throw UsageError("needs container ID, pod NAMESPACE/NAME or profile NAME") }
      switch words[0] {
      case "container": options.scope = .container(words[1])
      case "pod": options.scope = AuditScope(pod: words[1])
      case "profile": options.scope = .profile(words[1])
      default: throw UsageError("takes container, pod or profile, not \"\(words[0])\"")
      }
    },
    examples: [
      ("stockade audit pod shop/web-1 --for 10m --reason 'the release is blocked'", "let the pod work for ten minutes"),
      ("stockade audit pod shop/web-1 --end --reason 'mended'", "confine it again at once"),
    ],
    exitStatuses: [
      ("0", "it is done"), ("1", "it was refused, or nobody answered"), ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 {
    syntax.main(arguments, Options()) { options in
      guard let scope = options.scope, !options.reason.isEmpty, options.ends != (options.seconds != nil) else {
        return syntax.refuse("needs --reason, and either --for or --end")
      }
      return asking(syntax.name) { client in
        let outcome = try client.setAudit(
          AuditRequest(scope: scope, seconds: options.seconds ?? 0, reason: options.reason))
        let audit = outcome.audit
        let time = Timestamp.rfc3339(nanoseconds: audit.untilNanoseconds)
        put("\(audit.scope) \(printable(audit.subject)): \(options.ends ? "ended" : "audited until \(time)")\n", to: 1)
        for id in audit.containerIDs { put("  \(printable(id))\n", to: 1) }
        for remark in outcome.remarks { put("\(printable(remark))\n", to: 1) }
        return 0
      }
    }
  }
}
