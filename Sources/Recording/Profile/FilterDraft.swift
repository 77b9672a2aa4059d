import Policy
import Seccomp

/// System calls -> an inline filter that allows these alone.
extension ProfileDraft {
  mutating func addFilter() {
    guard sees(.syscalls, for: "seccomp section") else { return }
    guard !recording.syscalls.isEmpty else { return comments.head.append("No seccomp section: no call was recorded.") }
    let rules = FilterRules(recording)
    leaveOut(rules.unknown, "this stockade knows no such system call")
    profile.seccomp = SeccompSection(source: .inline(rules.filter), location: Self.location)
    comments.above["spec.seccomp"] = [
      "The calls that were made, others that do the same, and those without which no program starts. What the runtime "
        + "needs is added when the profile is loaded."
    ]
    guard rules.makesNamespaces else { return }
    warn(at: "spec.seccomp.syscalls", "the workload made namespaces, so clone is allowed with every flag.")
  }
}

/// The rules of a filter for the calls of a recording.
struct FilterRules {
  let filter: SeccompFilter
  /// Calls that no filter can name.
  let unknown: [String]
  /// Whether clone is allowed with flags for new namespaces.
  let makesNamespaces: Bool

  /// The architecture of a node on which this runs.
  static let nodeArchitecture = ((try? SeccompEnvironment.thisNode())?.architecture ?? .x86_64).ociName

  static func usesRings(_ syscalls: [String: Set<String>]) -> Bool {
    syscalls.values.contains { $0.contains { $0.hasPrefix("io_uring_") } }
  }

  init(_ recording: Recording) {
    let made = recording.syscalls.values.reduce(Set()) { $0.union($1) }
    let names = CallGroups.completed(made.union(ProgramCalls.start)).filter(SeccompFilter.knows)
    unknown = made.filter { !SeccompFilter.knows($0) }.sorted()
    makesNamespaces = made.contains("unshare") || made.contains("setns") || recording.surfaces[.userNamespaces] != nil
    var filter = SeccompFilter(defaultAction: "SCMP_ACT_ERRNO")
    filter.architectures = recording.syscalls.keys.sorted()
    let isForking = made.contains("clone") || made.contains("clone3")
    var plain = names
    if !makesNamespaces, isForking { plain.subtract(["clone", "clone3"]) }
    filter.syscalls = [SeccompFilter.Rule(names: plain.sorted(), action: "SCMP_ACT_ALLOW")]
    if !makesNamespaces, isForking { filter.syscalls += SeccompFilter.forking }
    self.filter = filter
  }
}
