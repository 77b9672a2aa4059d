import BPF
import Policy
import Testing

@testable import Doctor

@Suite struct TierAdviceTests {
  private static let voluntary = "boot with preempt=voluntary"

  @Test(
    "only what helps here is advised",
    arguments: [
      // Kernel has BPF, active modules, preempted, how to change that, lsm bears it.
      (true, "capability,yama", false, nil, true, "for tier lsm boot with lsm=capability,yama,bpf (docs/tiers.md)"),
      (true, "capability,yama", true, nil, true, "for tier lsm boot with lsm=capability,yama,bpf (docs/tiers.md)"),
      (
        true, "yama", true, voluntary, false,
        "for tier lsm boot with lsm=yama,bpf, and boot with preempt=voluntary (docs/tiers.md)"
      ),
      (true, "yama,bpf", true, voluntary, false, "for tier lsm boot with preempt=voluntary (docs/tiers.md)"),
      (true, "yama,bpf", true, nil, false, "for tier lsm use Linux 6.10 or newer"),
      (true, "yama,bpf", false, nil, true, "bpf is among the security modules: what keeps tier lsm away is said above"),
      (false, "yama", false, nil, true, "for tier lsm use a kernel with CONFIG_BPF_LSM"),
      (
        false, "yama", true, voluntary, true,
        "for tier lsm use a kernel with CONFIG_BPF_LSM; for tier fmod_ret boot with preempt=voluntary"
      ),
      (
        true, nil, false, nil, true,
        "for tier lsm mount securityfs at /sys/kernel/security, "
          + "and add bpf to lsm= if /sys/kernel/security/lsm lacks it (docs/tiers.md)"
      ),
    ] as [(Bool, String?, Bool, String?, Bool, String)])
  func advice(hasBPF: Bool, modules: String?, isPreempted: Bool, change: String?, isSafe: Bool, expected: String) {
    let advice = TierAdvice(
      tier: .signal, kernelHasBPFModule: hasBPF, activeModules: modules,
      preemption: isPreempted ? .possible("full") : .cooperative, preemptionAdvice: change,
      lsmBearsPreemption: isSafe)
    #expect(advice.text == expected)
  }

  @Test(
    "preempt= is advised where the kernel takes it",
    arguments: [
      ("none voluntary (full) lazy", true, voluntary), ("(full) lazy", true, nil),
      ("none voluntary (full)", false, nil),
      (
        nil, true,
        "mount debugfs at /sys/kernel/debug, "
          + "and boot with preempt=voluntary if /sys/kernel/debug/sched/preempt offers it"
      ),
    ] as [(String?, Bool, String?)])
  func preemption(model: String?, isDynamic: Bool, expected: String?) {
    #expect(Preemption.advice(model: model, isDynamic: isDynamic) == expected)
  }
}
