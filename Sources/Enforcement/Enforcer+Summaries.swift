import BPF
import Policy

extension Enforcer {
  /// One container of the table.
  package struct Summary: Sendable {
    package var subject: Subject
    package var cgroupID: CgroupID
    package var phase: ConfinementTable.Phase
    package var isSuspended: Bool
    /// nil: the container was let through without a profile.
    package var profile: String?
    /// Whether the container has an older text of its profile than the newest.
    package var hasOlderText: Bool
    /// The text that the container's policy was made of.
    package var text: Profile?
    /// Further paths that the text's rules are about.
    package var aliases: RuleAliases
    package var facts: ContainerFacts
  }

  /// All containers that Stockade knows.
  package var summaries: [Summary] { table?.withLock { $0.summaries } ?? [] }

  /// How containers ended, counted since the start.
  package struct Tally: Equatable, Sendable {
    /// Containers of which the kernel holds nothing more.
    package var releases: UInt64 = 0
    /// Vain tries to get there.
    package var failures: UInt64 = 0

    package init(releases: UInt64 = 0, failures: UInt64 = 0) { (self.releases, self.failures) = (releases, failures) }
  }

  package var tally: Tally { tallied.withLock { $0 } }

  /// What of Stockade's own is missing in the kernel and could not be mended; nil: nothing.
  package var missingProblem: String? { missing.withLock { $0 } }
}

extension ConfinementTable {
  fileprivate var summaries: [Enforcer.Summary] {
    entries.values.map { entry in
      Enforcer.Summary(
        subject: entry.subject, cgroupID: entry.cgroup.id, phase: entry.phase, isSuspended: entry.isSuspended,
        profile: entry.policy?.profile,
        hasOlderText: entry.policy.map { policies[$0]?.revision != entry.revision } ?? false, text: entry.text,
        aliases: entry.policy?.aliases ?? RuleAliases(), facts: entry.facts)
    }
  }
}
