/// How much a node's programs enforce of execs, files and the kernel's surface.
package struct TierClaim: Equatable, Sendable {
  /// The self-test has proved this tier, and nothing has refuted it since.
  package var tier: Tier
  /// Why the tier is no better, for messages; empty: that is not known.
  package var reason: String
  /// nil: every exec is judged. Else how an exec can go by without being judged: then tier signal enforces nothing
  /// wholly.
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
  /// nil: what the kernel remembers for one container takes memory from no other container; else why it can.
  package var memoryProblem: String?
  /// The node's name in messages.
  package var name = "this node"

  package init(_ claim: TierClaim, networkProblem: String? = nil, memoryProblem: String? = nil) {
    (self.claim, self.networkProblem, self.memoryProblem) = (claim, networkProblem, memoryProblem)
  }

  package init(tier: Tier, tierReason: String = "", networkProblem: String? = nil) {
    self.init(TierClaim(tier: tier, reason: tierReason), networkProblem: networkProblem)
  }

  /// The capabilities of a node whose kernel enforces nothing, or nothing that could be promised.
  package static func none(because why: String) -> NodeCapabilities {
    NodeCapabilities(tier: .none, tierReason: why, networkProblem: why)
  }

  /// The capabilities of a node that enforces whatever a profile says.
  package static var unlimited: NodeCapabilities { NodeCapabilities(tier: .lsm) }

  package var tier: Tier { claim.tier }
  package var tierReason: String { claim.reason }
}
