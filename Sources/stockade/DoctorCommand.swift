import CommandOptions
import Daemon
import System

/// `stockade doctor`
enum DoctorCommand {
  static let syntax = CommandSyntax<OutputFormat>(
    name: "doctor",
    summary: "say what this node can enforce, and how to get more",
    description: """
      Looks at this node: its kernel, its cgroups, the runtime, the configuration and the profiles. It
      loads BPF programs to prove the tier, and leaves nothing of them. It needs root for that.
      """,
    options: [.output { $0 = $1 }],
    examples: [("stockade doctor", "what does this node lack?")],
    exitStatuses: [
      ("0", "nothing is missing"), ("1", "something is missing that enforcement needs"),
      ("2", "the command line is wrong"),
    ])

  static func main(_ arguments: [String]) -> Int32 { syntax.main(arguments, .text, diagnose) }

  private static func diagnose(_ format: OutputFormat) -> Int32 {
    let diagnosis = Diagnosis()
    put(format == .text ? table(diagnosis.findings) : json(diagnosis.findings).text + "\n", to: 1)
    return diagnosis.worst == .missing ? 1 : 0
  }

  private static func table(_ findings: [Diagnosis.Finding]) -> String {
    let width = findings.map(\.subject.count).max() ?? 0
    func padded(_ text: String, to width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count))
    }
    var text = ""
    for finding in findings {
      text += "\(padded(finding.level.rawValue, to: 7))  \(padded(finding.subject, to: width))  \(finding.found)\n"
      if let advice = finding.advice { text += padded("", to: 7 + 2 + width + 2) + "-> \(advice)\n" }
    }
    return text
  }

  private static func json(_ findings: [Diagnosis.Finding]) -> JSON {
    .array(
      findings.map { finding in
        var members: [(String, JSON)] = [
          ("subject", .string(finding.subject)), ("level", .string(finding.level.rawValue)),
          ("found", .string(finding.found)),
        ]
        if let advice = finding.advice { members.append(("advice", .string(advice))) }
        return .object(members)
      })
  }
}
