/// What Stockade does on a node at one moment: for `stockade status`, the control API and metrics.
package struct NodeStatus: Equatable, Sendable {
  /// How this process came to be.
  package enum Mode: String, CaseIterable, Sendable {
    /// The runtime launched it.
    case launched
    /// A keeper started it in the place of one that the runtime launched.
    case kept
    /// It is a service of its own.
    case service
  }

  package struct TierStatus: Equatable, Sendable {
    /// What is enforced now, and what was proved at the start.
    package var claimed = "none"
    package var proved = "none"
    /// Why it is no better tier; empty: there is none.
    package var reason = ""
    /// Why there are no network rules; empty: there are.
    package var networkProblem = ""
    package init() {}
  }

  package struct RuntimeStatus: Equatable, Sendable {
    package var isConnected = false
    package var name = ""
    package var version = ""
    package var nriVersion = ""
    /// Which seccomp policies it takes.
    package var seccomp = ""
    package init() {}
  }

  package struct NodeGateStatus: Equatable, Sendable {
    package var isWanted = false
    package var isClosed = false
    /// nil: no emergency opening is under way.
    package var openUntilNanoseconds: Int64?
    package init() {}
  }

  /// So many containers have this profile and are in this state.
  package struct ContainerCount: Equatable, Sendable {
    /// Empty: they were let through without a profile.
    package var profile: String
    package var state: ContainerStatus.State
    package var count: Int
    package init(profile: String, state: ContainerStatus.State, count: Int) {
      (self.profile, self.state, self.count) = (profile, state, count)
    }
  }

  package struct Count: Equatable, Sendable {
    package var name: String
    package var count: UInt64
    package init(_ name: String, _ count: UInt64) { (self.name, self.count) = (name, count) }
  }

  /// How full a table of the kernel's is.
  package struct TableFill: Equatable, Sendable {
    package var name: String
    package var count: UInt64
    package var limit: UInt64
    package init(_ name: String, _ count: UInt64, of limit: UInt64) {
      (self.name, self.count, self.limit) = (name, count, limit)
    }
  }

  package struct ProfilesStatus: Equatable, Sendable {
    package var areRead = false
    package var count = 0
    /// Profiles that cannot be used, or whose new text cannot.
    package var problems: [String] = []
    package init() {}
  }

  package var version = ""
  /// Another one after each start of Stockade.
  package var instance = ""
  package var startNanoseconds: Int64 = 0
  package var mode = Mode.service
  /// Why not all is enforced that should be.
  package var problems: [String] = []
  package var tier = TierStatus()
  package var runtime = RuntimeStatus()
  package var nodeGate = NodeGateStatus()
  package var containers: [ContainerCount] = []
  /// Counted since the kernel's maps were made.
  package var losses: [Count] = []
  /// How often the kernel skipped a program.
  package var misses: [Count] = []
  package var audits: [AuditStatus] = []
  package var tables: [TableFill] = []
  package var profiles = ProfilesStatus()

  package init() {}

  /// Whether all is enforced that should be.
  package var isProtected: Bool { problems.isEmpty }

  /// The same with lists of a bounded length, so that it fits an answer whatever is wrong.
  package func cut() -> NodeStatus {
    var status = self
    status.problems = Self.cut(problems)
    status.profiles.problems = Self.cut(profiles.problems)
    status.audits = Array(audits.prefix(Self.listMax))
    return status
  }

  private static func cut(_ lines: [String]) -> [String] {
    let first = lines.prefix(listMax).map { $0.count > lineMax ? String($0.prefix(lineMax)) + "…" : $0 }
    return lines.count > listMax ? first + ["and \(lines.count - listMax) more"] : first
  }

  private static let listMax = 100
  private static let lineMax = 1000
}

/// One container, as Stockade confines it.
package struct ContainerStatus: Equatable, Sendable {
  package enum State: String, CaseIterable, Sendable {
    case open
    /// No program may be executed in it: it is ending, or its start was refused.
    case closing
    /// No program may be executed in it until its network rules hold again.
    case suspended
  }

  package var id = ""
  package var name = ""
  package var podNamespace = ""
  package var podName = ""
  package var podUID = ""
  package var image = ""
  /// Empty: it was let through without a profile.
  package var profile = ""
  package var state = State.open
  package var cgroupID: UInt64 = 0
  /// nil: what its profile blocks is blocked.
  package var auditedUntilNanoseconds: Int64?
  /// Whether it has an older text of its profile than the newest.
  package var hasOlderText = false

  package init() {}

  package var textBytes: Int {
    [id, name, podNamespace, podName, podUID, image, profile].reduce(0) { $0 + $1.utf8.count }
  }
}

/// A container, and what of its profile is not enforced for it.
package struct ContainerDetails: Equatable, Sendable {
  package var container: ContainerStatus
  package var gaps: [String]
  package init(_ container: ContainerStatus, gaps: [String]) { (self.container, self.gaps) = (container, gaps) }
}

package struct ProfileStatus: Equatable, Sendable {
  package var name = ""
  package var file = ""
  /// Enforce or Audit.
  package var mode = ""
  /// How many containers have it.
  package var containers = 0
  /// What of it this node does not enforce.
  package var gaps: [String] = []
  /// nil: it can be used.
  package var problem: String?

  package init() {}
}

/// What profiles block is audited until a time.
package struct AuditStatus: Equatable, Sendable {
  /// container, pod or profile.
  package var scope = ""
  package var subject = ""
  package var untilNanoseconds: Int64 = 0
  package var reason = ""
  package var callerUID: UInt32 = 0
  package var callerPID: Int32 = 0
  package var containerIDs: [String] = []

  package init() {}
}

package enum StockadeVersion {
  package static let text = "0.1.0"
}
