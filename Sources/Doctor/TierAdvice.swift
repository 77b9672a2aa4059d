import BPF
import Policy
import System

/// How this node gets a better tier than the one that was proved. Says only what helps here.
struct TierAdvice {
  var tier: Tier
  /// Whether the kernel was built with BPF as a security module.
  var kernelHasBPFModule: Bool
  /// The text of `/sys/kernel/security/lsm`: `capability,landlock,bpf`; nil: it cannot be read.
  var activeModules: String?
  var preemption: Preemption
  /// How to get another `preempt=`; nil: this kernel cannot be told to use another one.
  var preemptionAdvice: String?
  /// Whether the programs of tier lsm hold on a kernel that can interrupt them anywhere.
  var lsmBearsPreemption: Bool

  static func thisNode(tier: Tier) -> TierAdvice {
    TierAdvice(
      tier: tier, kernelHasBPFModule: SecurityModules.kernelHasBPF, activeModules: SecurityModules.active,
      preemption: .current(), preemptionAdvice: Preemption.advice,
      lsmBearsPreemption: Preemption.lsmProgramsAreNeverSkipped && Preemption.canBeHeldOff)
  }

  /// The advice for tier lsm. If tier lsm takes another kernel, also the advice for `fmod_ret`.
  var text: String {
    let fmodRet = tier == .signal && isPreempted ? preemptionAdvice.map { "; for tier fmod_ret \($0)" } ?? "" : ""
    guard kernelHasBPFModule else { return "for tier lsm use a kernel with CONFIG_BPF_LSM\(fmodRet)" }
    guard lsmBearsPreemption || !isPreempted || preemptionAdvice != nil else {
      return "for tier lsm use Linux 6.10 or newer"
    }
    let steps = [moduleAdvice, lsmBearsPreemption || !isPreempted ? nil : preemptionAdvice].compactMap { $0 }
    if steps.isEmpty { return "bpf is among the security modules: what keeps tier lsm away is said above" }
    return "for tier lsm \(steps.joined(separator: ", and ")) (docs/tiers.md)"
  }

  private var isPreempted: Bool { preemption != .cooperative }

  /// nil: the module is active already.
  private var moduleAdvice: String? {
    guard let activeModules else {
      return "mount securityfs at \(SecurityModules.folder), and add bpf to lsm= if \(SecurityModules.file) lacks it"
    }
    return SecurityModules.hasBPF(activeModules) ? nil : "boot with lsm=\(activeModules),bpf"
  }
}
