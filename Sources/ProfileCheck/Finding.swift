import Policy

/// Something that is reported about a profile.
package struct Finding: Equatable, Sendable {
  package enum Severity: String, CaseIterable, Sendable {
    /// The profile cannot be used, or cannot be used on the judged node.
    case error
    /// The profile can be used, but does less or more than it seems to say.
    case warning
    /// It is worth knowing.
    case note
  }

  package var severity: Severity
  package var file: String
  /// nil: the finding concerns the whole file.
  package var line: Int?
  /// nil: the file's name could not be read.
  package var profile: String?
  package var message: String

  init(_ severity: Severity, file: String, line: Int? = nil, profile: String? = nil, _ message: String) {
    (self.severity, self.file, self.line, self.profile, self.message) = (severity, file, line, profile, message)
  }

  init(_ severity: Severity, _ problem: Problem, profile: String?) {
    self.init(
      severity, file: problem.location.file, line: problem.location.line, profile: profile, problem.message)
  }
}

/// One file that was checked.
package struct CheckedFile: Equatable, Sendable {
  package enum Verdict: String, CaseIterable, Sendable {
    case accepted
    /// The profile is well-formed, but the judged node refuses containers that choose it.
    case refused
    /// The daemon does not load it.
    case broken
  }

  package var file: String
  package var profile: String?
  package var verdict: Verdict
  package var findings: [Finding]

  /// Sorts the findings: first in the order of the file's lines, then those of other files, then those without a line.
  init(file: String, profile: String?, verdict: Verdict, findings: [Finding]) {
    (self.file, self.profile, self.verdict) = (file, profile, verdict)
    func rank(_ finding: Finding) -> (Int, String, Int) {
      (finding.line == nil ? 2 : finding.file == file ? 0 : 1, finding.file, finding.line ?? 0)
    }
    // The sort is stable: of two findings on one line, the one that was found first comes first.
    self.findings = findings.enumerated().sorted { a, b in
      let (first, second) = (rank(a.element), rank(b.element))
      return first == second ? a.offset < b.offset : first < second
    }.map(\.element)
  }
}
