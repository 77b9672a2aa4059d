import Policy
import System

/// What this node can enforce, and how to get more: `stockade doctor`.
package struct Diagnosis: Sendable {
  package let findings: [Finding]

  /// Looks at this node, from its own mount namespace. What needs root is reported as such. Programs are loaded and
  /// tried apart from those of a running Stockade, and nothing of them is left.
  ///
  /// - Parameter isThorough: a crowd also tries what was proved, which takes its time.
  package static func ofThisNode(isThorough: Bool) -> Diagnosis {
    // This comes before the mount namespace is another one.
    let places = Places.thisNode()
    let kernel = KernelExamination(isRoot: places.isRoot, isThorough: isThorough)
    return Diagnosis(findings: kernel.findings + Diagnosis(places: places, node: kernel.capabilities).findings)
  }

  /// What files and processes tell.
  ///
  /// - Parameter node: nil: what the kernel can enforce is not known, and no profile is judged by it.
  package init(places: Places, node: NodeCapabilities?) {
    let runtime = RuntimeExamination(places)
    let instances = Instances(places, runtime)
    let configuration = ConfigurationExamination(places, runtime, instances)
    let judge = ProfileJudge(node: node, runtime: runtime)
    findings =
      runtime.findings + instances.findings + configuration.findings
      + NodeGateExamination(places, configuration.inEffect).findings
      + configuration.inEffect.flatMap { ProfileExamination($0, places, judge).findings }
  }

  /// Whether the runtime keeps containers from starting while no Stockade is there; nil: that is not known.
  package static func requiredPlugin() -> Finding? {
    RuntimeExamination(.thisNode()).findings.first { $0.subject == .requiredPlugin }
  }

  init(findings: [Finding]) { self.findings = findings }

  /// 0. It is 1 if something is missing that enforcement needs, or if that could not be found out.
  package var exitStatus: Int32 { findings.contains { $0.level >= .unknown } ? 1 : 0 }

  /// One line for each finding: level, subject, what was found. The advice stands below the line.
  package var table: String {
    let width = Finding.Subject.allCases.map(\.rawValue.count).max() ?? 0
    let levelWidth = Finding.Level.allCases.map(\.rawValue.count).max() ?? 0
    func padded(_ text: String, to width: Int) -> String {
      text + String(repeating: " ", count: max(0, width - text.count) + 2)
    }
    var text = ""
    for finding in findings {
      let start = padded(finding.level.rawValue, to: levelWidth) + padded(finding.subject.rawValue, to: width)
      text += "\(start)\(finding.found)\n"
      if let advice = finding.advice { text += String(repeating: " ", count: start.count) + "-> \(advice)\n" }
    }
    return text
  }

  /// One object for each finding.
  package var json: JSON {
    .array(
      findings.map { finding in
        var members: [(String, JSON)] = [
          ("subject", .string(finding.subject.rawValue)), ("level", .string(finding.level.rawValue)),
          ("found", .string(finding.found)),
        ]
        if let advice = finding.advice { members.append(("advice", .string(advice))) }
        return .object(members)
      })
  }
}
