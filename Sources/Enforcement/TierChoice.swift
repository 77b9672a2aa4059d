import BPF
import Glibc
import Policy
import System

/// Finds the best tier that this kernel not only accepts but also enforces.
struct TierChoice {
  let tier: Tier
  /// The claim's reason has one clause for each better tier.
  let claim: TierClaim
  /// Whether the claim holds only as long as the kernel is not interrupted in its own code.
  let needsCooperation: Bool
  /// The cgroup of the self-tests.
  let probe: CgroupID

  init(_ policy: PolicyMaps, cgroupRoot: String) throws(BPFError) {
    let probe = try TierProbe(cgroupRoot: cgroupRoot)
    self.probe = probe.cgroupID
    var reasons: [String] = []
    // Whether programs at tracepoints judge files already.
    var judgesFiles = false
    for (refusing, tier) in [(PolicyMaps.Refusing.lsm, Tier.lsm), (.fmodRet, .fmodRet)] {
      guard let problem = Self.problem(refusing, policy, probe, &judgesFiles) else {
        // This comes only now: until these programs judge files, the programs of an earlier process must judge them.
        try policy.judgeExecs(filesAreJudged: true)
        try policy.detachOthers()
        self.tier = tier
        claim = TierClaim(tier: tier, reason: reasons.joined(separator: "; "))
        needsCooperation =
          refusing == .fmodRet || !(Preemption.lsmProgramsAreNeverSkipped && Preemption.canBeHeldOff)
        return
      }
      reasons.append("\(tier.name): \(problem)")
    }
    if !judgesFiles { try policy.judgeExecs(filesAreJudged: false) }
    let execProblem = try Self.signal(policy, probe)
    if let execProblem { reasons.append("signal: \(execProblem)") }
    tier = .signal
    claim = TierClaim(tier: .signal, reason: reasons.joined(separator: "; "), execProblem: execProblem)
    needsCooperation = Preemption.current() == .cooperative
  }

  /// - Returns: how an exec can go by without being judged; nil: none can.
  private static func signal(_ policy: PolicyMaps, _ probe: borrowing TierProbe) throws(BPFError) -> String? {
    let returnsProblem =
      try policy.tracepointProblem.map { (problem) throws(BPFError) in
        try Self.returnsProblem(policy, probe).map { "\(problem), and \($0)" }
      } ?? nil
    try policy.detachOthers()
    try prove(policy, probe)
    return returnsProblem
  }

  private static func prove(_ policy: PolicyMaps, _ probe: borrowing TierProbe) throws(BPFError) {
    let outcome = try probe.run(policy)
    guard outcome == .killed else {
      throw .notEnforced(tier: Tier.signal.name, reason: "a forbidden exec was not killed (\(outcome))")
    }
  }

  /// Why a skipped exec is not found on the way back to the user; nil: it is found.
  private static func returnsProblem(_ policy: PolicyMaps, _ probe: borrowing TierProbe) throws(BPFError) -> String? {
    if Preemption.isRealTime { return "on PREEMPT_RT a program can run before SIGKILL reaches it" }
    do { try policy.judgeReturns() } catch {
      return "x86_fpu_regs_activated, where a second program finds what the first was skipped for, cannot be had: "
        + error.line
    }
    let isSeen = try policy.returnsAreSeen { () throws(BPFError) in _ = try probe.run(policy) }
    return isSeen ? nil : "the program that would find what was skipped does not run"
  }

  /// Why the tier cannot be had; nil: it was proved, and its programs run.
  private static func problem(
    _ refusing: PolicyMaps.Refusing, _ policy: PolicyMaps, _ probe: borrowing TierProbe, _ judgesFiles: inout Bool
  ) -> String? {
    if let why = Self.whyNot(refusing) { return why }
    do {
      try policy.refuse(by: refusing)
      let outcome = try probe.run(policy)
      if outcome == .refused(files: true) { return nil }
      try stop(refusing, policy, &judgesFiles)
      return "its programs were attached, and what they had to refuse was not refused (\(outcome))"
    } catch {
      // Programs that stay attached would be taken for those of the next tier.
      try? stop(refusing, policy, &judgesFiles)
      if case .load(_, EPERM, _) = error { return "this kernel lets no such programs be loaded" }
      return error.line
    }
  }

  /// Takes the programs of a tier out again. From here on, the programs that they would have refused are killed after
  /// the load.
  private static func stop(
    _ refusing: PolicyMaps.Refusing, _ policy: PolicyMaps, _ judgesFiles: inout Bool
  ) throws(BPFError) {
    if !judgesFiles { try policy.judgeExecs(filesAreJudged: false) }
    judgesFiles = true
    try policy.stopRefusing(by: refusing)
  }

  /// Why a tier need not be tried; nil: it has to be.
  private static func whyNot(_ refusing: PolicyMaps.Refusing) -> String? {
    if refusing == .lsm, let modules = SecurityModules.active, !SecurityModules.hasBPF(modules) {
      return "the kernel was booted without bpf in lsm= (\(modules))"
    }
    guard case .possible(let model) = Preemption.current() else { return nil }
    if refusing == .lsm, Preemption.lsmProgramsAreNeverSkipped {
      if Preemption.canBeHeldOff { return nil }
      return "this kernel interrupts programs, and none can prevent that before Linux 6.10 (\(model))"
    }
    return "this kernel skips programs that it interrupted (\(model))"
  }
}
