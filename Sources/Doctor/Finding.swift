/// One thing that the doctor looked at. docs/doctor.md lists the subjects and what their levels mean.
package struct Finding: Equatable, Sendable {
  package enum Subject: String, CaseIterable, Sendable {
    case kernel, cgroups, tier, race
    case fullMemory = "full memory"
    case memory
    case networkRules = "network rules"
    case seccompEvents = "seccomp events"
    case overlayfs, containerd
    case nri = "NRI"
    case requiredPlugin = "required plugin"
    case instances, configuration
    case nodeGate = "node gate"
    case profiles
  }

  /// The worst level is last.
  package enum Level: String, CaseIterable, Comparable, Sendable {
    case ok
    /// It works, and could be better.
    case limited
    /// It could not be found out, and enforcement needs it.
    case unknown
    case missing

    package static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
    private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  }

  package var subject: Subject
  package var level: Level
  package var found: String
  /// What to do; nil: nothing, or `found` says it.
  package var advice: String?

  /// - Parameter found: may repeat what a process calls itself. Control characters in it are escaped.
  package init(_ subject: Subject, _ level: Level, _ found: String, _ advice: String? = nil) {
    self.subject = subject
    self.level = level
    self.found = Self.printable(found)
    self.advice = advice
  }

  private static func printable(_ text: String) -> String {
    text.unicodeScalars.map { $0.properties.generalCategory == .control ? $0.escaped(asASCII: true) : String($0) }
      .joined()
  }
}
