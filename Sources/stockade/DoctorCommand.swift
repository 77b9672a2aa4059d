import Daemon
import System

/// `stockade doctor`
enum DoctorCommand {
  /// - Returns: 0; 1 where something is missing that enforcement needs.
  static func main(_ arguments: [String]) -> Int32 {
    guard arguments.isEmpty || arguments == ["-o", "json"] else {
      return Command.usage("doctor: it takes only -o json")
    }
    let diagnosis = Diagnosis()
    put(arguments.isEmpty ? table(diagnosis.findings) : json(diagnosis.findings).text + "\n", to: 1)
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
