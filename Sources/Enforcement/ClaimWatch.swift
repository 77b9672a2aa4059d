import BPF
import Policy

/// What a node's programs are said to enforce, and what has refuted it since the self-test. It is lowered and never
/// raised: only a new self-test can do that.
package struct ClaimWatch: Equatable, Sendable {
  package private(set) var claim: TierClaim
  /// The kernel is not interrupted but where it waits, and the claim depends on that.
  let needsCooperation: Bool
  private var skipped: [String: UInt64] = [:]
  /// How often in a row it was seen; one reading can fail.
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
