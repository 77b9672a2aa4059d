import BPF
import Glibc
import Policy
import System

/// Finds the best tier that this kernel not only takes but enforces.
struct TierChoice {
  let tier: Tier
  /// Why it is no better: one clause for each better tier.
  let reason: String
  /// The cgroup of the self-tests.
  let probe: UInt64

  init(_ policy: KernelPolicy, cgroupRoot: String) throws(BPFError) {
    let probe = try TierProbe(cgroupRoot: cgroupRoot)
    self.probe = probe.cgroupID
    var reasons: [String] = []
    for (refusing, tier) in [(KernelPolicy.Refusing.lsm, Tier.lsm), (.fmodRet, .fmodRet)] {
      guard let problem = Self.problem(refusing, policy, probe) else {
        // Only now, so that an earlier process's programs judged files until these did.
        try policy.judgeExecs(filesAreJudged: true)
        try Self.stopOthers(than: refusing, policy)
        (self.tier, reason) = (tier, reasons.joined(separator: "; "))
        return
      }
      reasons.append("\(tier.name): \(problem)")
    }
    try policy.judgeExecs(filesAreJudged: false)
    try Self.stopOthers(than: nil, policy)
    let outcome = try probe.run(policy)
    guard outcome == .killed else {
      throw .notEnforced(tier: Tier.signal.name, reason: "a forbidden exec was not killed (\(outcome))")
    }
    (tier, reason) = (.signal, reasons.joined(separator: "; "))
  }

  /// nil: it was proved, and its programs run.
  private static func problem(
    _ refusing: KernelPolicy.Refusing, _ policy: KernelPolicy, _ probe: borrowing TierProbe
  ) -> String? {
    if let why = Self.whyNot(refusing) { return why }
    do throws(BPFError) {
      try policy.refuse(by: refusing)
      let outcome = try probe.run(policy)
      if outcome == .refused(files: true) { return nil }
      try policy.stopRefusing(by: refusing)
      return "its programs were attached, and what they had to refuse was not refused (\(outcome))"
    } catch {
      if case .load(_, EPERM, _) = error { return "this kernel lets no such programs be loaded" }
      // The verifier's log ends with what it is about.
      return error.description.split(separator: "\n").joined(separator: " | ")
    }
  }

  /// What need not be tried.
  private static func whyNot(_ refusing: KernelPolicy.Refusing) -> String? {
    if refusing == .lsm, let modules = SecurityModules.active, !SecurityModules.hasBPF(modules) {
      return "the kernel was booted without bpf in lsm= (\(modules))"
    }
    guard case .possible(let model) = Preemption.current() else { return nil }
    if refusing == .lsm, Preemption.lsmProgramsAreNeverSkipped { return nil }
    return "this kernel skips programs that it interrupted (\(model))"
  }

  private static func stopOthers(than refusing: KernelPolicy.Refusing?, _ policy: KernelPolicy) throws(BPFError) {
    for other in KernelPolicy.Refusing.allCases where other != refusing { try policy.stopRefusing(by: other) }
  }
}
