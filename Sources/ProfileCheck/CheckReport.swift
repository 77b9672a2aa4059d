import Policy
import System
import YAML

/// What `profile check` prints.
package struct CheckReport {
  package let files: [CheckedFile]
  package let node: JudgedNode

  package init(_ files: [CheckedFile], _ node: JudgedNode) {
    self.files = files
    self.node = node
  }

  /// 0: nothing is wrong; 1: a file is broken, or the judged node refuses a profile.
  package var status: Int32 { count(.error) == 0 ? 0 : 1 }

  private func count(_ severity: Finding.Severity) -> Int {
    files.reduce(0) { $0 + $1.findings.count { $0.severity == severity } }
  }

  /// One line for each finding in the style of compilers, one line for each file, and a summary.
  package var text: String {
    var lines: [String] = []
    for file in files {
      lines += file.findings.map(Self.line)
      lines.append("\(file.file): \(file.verdict.rawValue)\(file.profile.map { ": profile \($0)" } ?? "")")
    }
    let counts = "\(Self.number(count(.error), "error")), \(Self.number(count(.warning), "warning"))"
    lines.append("\(Self.number(files.count, "file")), \(counts); \(node.summary)")
    return lines.map { printable($0) + "\n" }.joined()
  }

  private static func line(_ finding: Finding) -> String {
    let place = finding.line.map { "\(finding.file):\($0)" } ?? finding.file
    return "\(place): \(finding.severity.rawValue): \(finding.message)"
  }

  private static func number(_ count: Int, _ word: String) -> String { "\(count) \(word)\(count == 1 ? "" : "s")" }

  /// docs/profile-check.md
  package var json: JSON {
    [
      ("node", nodeObject),
      (
        "files",
        .array(
          files.map {
            ["file": .string($0.file), "profile": Self.optional($0.profile), "verdict": .string($0.verdict.rawValue)]
          })
      ),
      ("findings", .array(files.flatMap(\.findings).map(Self.object))),
    ].object
  }

  private var nodeObject: JSON {
    [
      ("tier", Self.optional(node.capabilities?.tier.name)), ("cgroup", Self.optional(node.cgroup?.rawValue)),
      ("containerd", Self.optional(node.containerd?.description)),
    ].object
  }

  private static func object(_ finding: Finding) -> JSON {
    [
      ("file", .string(finding.file)), ("line", finding.line.map { .integer(Int64($0)) } ?? .null),
      ("severity", .string(finding.severity.rawValue)), ("profile", optional(finding.profile)),
      ("message", .string(finding.message)),
    ].object
  }

  private static func optional(_ text: String?) -> JSON { text.map { .string($0) } ?? .null }
}

extension [(String, JSON)] {
  fileprivate var object: JSON { .object(self) }
}
