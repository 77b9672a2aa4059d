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

  package init(_ claim: TierClaim, networkProblem: String? = nil, memoryProblem: String? = nil) {
    (self.claim, self.networkProblem, self.memoryProblem) = (claim, networkProblem, memoryProblem)
  }

  package init(tier: Tier, tierReason: String = "", networkProblem: String? = nil) {
    self.init(TierClaim(tier: tier, reason: tierReason), networkProblem: networkProblem)
  }

  /// Of a node whose kernel enforces nothing, or nothing that could be promised.
  package static func none(because why: String) -> NodeCapabilities {
    NodeCapabilities(tier: .none, tierReason: why, networkProblem: why)
  }

  /// Of a node that enforces whatever a profile says.
  package static var unlimited: NodeCapabilities { NodeCapabilities(tier: .lsm) }

  package var tier: Tier { claim.tier }
  package var tierReason: String { claim.reason }
}
