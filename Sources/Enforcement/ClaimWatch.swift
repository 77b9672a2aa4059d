import BPF
import Policy

/// What a node's programs are said to enforce, and what has refuted that since the self-test. The claim is lowered and
/// never raised: only a new self-test can raise it.
package struct ClaimWatch: Equatable, Sendable {
  package private(set) var claim: TierClaim
  /// Whether the claim depends on this: the kernel is interrupted only where it waits.
  let needsCooperation: Bool
  private var skipped: [String: UInt64] = [:]
  /// How often in a row preemption was seen. One reading can fail.
  private var preemptionsSeen = 0

  package init(claim: TierClaim, needsCooperation: Bool) {
    self.claim = claim
    self.needsCooperation = needsCooperation
  }

  /// - Parameters:
  ///   - runs: of the programs on which the claim depends.
  ///   - preemption: now; it can be changed while the kernel runs.
  /// - Returns: what was found; nil: nothing since the last time.
  package mutating func check(_ runs: [ProgramRuns], _ preemption: Preemption) -> String? {
    let found = runs.compactMap { news(of: $0) } + [news(of: preemption)].compactMap { $0 }
    if found.isEmpty { return nil }
    let reason = found.joined(separator: "; ")
    claim = TierClaim(tier: min(claim.tier, .signal), reason: reason, execProblem: reason)
    return reason
  }

  private mutating func news(of runs: ProgramRuns) -> String? {
    let rise = runs.skipped - min(skipped[runs.program] ?? 0, runs.skipped)
    skipped[runs.program] = runs.skipped
    return rise == 0 ? nil : "the kernel skipped the program \(runs.program) \(rise == 1 ? "once" : "\(rise) times")"
  }

  private mutating func news(of preemption: Preemption) -> String? {
    guard needsCooperation, case .possible(let model) = preemption else {
      preemptionsSeen = 0
      return nil
    }
    preemptionsSeen += 1
    guard preemptionsSeen == 2 else { return nil }
    return "the kernel can interrupt its own code now (\(model)), and then skips programs"
  }
}
