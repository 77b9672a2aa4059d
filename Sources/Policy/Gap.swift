import YAML

/// How much a node's programs enforce of execs, files and the kernel's surface.
package struct TierClaim: Equatable, Sendable {
  /// Proved by the self-test, and not refuted since.
  package var tier: Tier
  /// Why it is no better, for messages; empty where that is not known.
  package var reason: String
  /// nil: every exec is judged; else how one can go by unjudged: tier signal enforces nothing wholly then.
  package var execProblem: String?

  package init(tier: Tier, reason: String = "", execProblem: String? = nil) {
    (self.tier, self.reason, self.execProblem) = (tier, reason, execProblem)
  }
}

/// What a node can do, as far as profiles depend on it.
package struct NodeCapabilities: Equatable, Sendable {
  package var claim: TierClaim
  /// nil: `network` can be enforced; else why not: `cgroup v2 is not mounted`.
  package var networkProblem: String?
  /// nil: what one container makes the kernel remember takes memory from no other container; else why it can.
  package var memoryProblem: String?
  /// Which node, for messages.
  package var name = "this node"
  /// Of the pod. A sandboxed runtime runs the container where the host's kernel sees none of it.
  package var runtimeHandler: String

  package init(_ claim: TierClaim, networkProblem: String? = nil, runtimeHandler: String = "") {
    self.claim = claim
    self.networkProblem = networkProblem
    self.runtimeHandler = runtimeHandler
  }

  package init(tier: Tier, tierReason: String = "", networkProblem: String? = nil, runtimeHandler: String = "") {
    self.init(
      TierClaim(tier: tier, reason: tierReason), networkProblem: networkProblem, runtimeHandler: runtimeHandler)
  }

  package var tier: Tier {
    get { claim.tier }
    set { claim.tier = newValue }
  }
  package var tierReason: String {
    get { claim.reason }
    set { claim.reason = newValue }
  }

  /// Whether the pod's containers run in a virtual machine or under another kernel: Kata, gVisor.
  package var isSandboxed: Bool { Self.isSandboxed(runtimeHandler: runtimeHandler) }

  package static func isSandboxed(runtimeHandler: String) -> Bool {
    ["kata", "gvisor", "runsc"].contains { runtimeHandler.lowercased().utf8.starts(with: $0.utf8) }
  }
}

/// A part of a profile that a node cannot enforce, or not wholly.
package struct Gap: Equatable, Sendable, CustomStringConvertible {
  package enum Coverage: String, Sendable { case none, partial }

  /// `process.rules[2] Block /bin/su`
  package var subject: String
  /// nil: it has no line of its own, as a default.
  package var location: Location?
  package var coverage: Coverage
  package var why: String
  package var remedy: String

  package var description: String { text(place: location.map { " (\($0))" } ?? "") }

  /// - Parameter place: behind the subject.
  package func text(place: String = "") -> String {
    let verb = coverage == .none ? "cannot be enforced" : "can only partly be enforced"
    return "\(subject)\(place) \(verb): \(why); \(remedy)"
  }
}

extension Profile {
  /// The gaps that `failurePolicy: Fail` does not let pass.
  package func refused(_ gaps: [Gap]) -> [Gap] {
    guard failurePolicy == .fail else { return [] }
    return gaps.filter { $0.coverage == .none || !acceptPartial }
  }

  /// Why a container is refused, in one line with the profile first; nil where it may start.
  package func refusal(_ gaps: [Gap]) -> String? {
    let refused = refused(gaps)
    guard let first = refused.first else { return nil }
    return "profile \(quoted(name)): \(first)" + (refused.count > 1 ? " (and \(refused.count - 1) more)" : "")
  }
}
