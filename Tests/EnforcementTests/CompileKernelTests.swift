import BPF
import CStockade
import Enforcement
import Policy
import Testing

/// The kernel section as the kernel's maps hold it.
struct CompileKernelTests {
  private func compiled(
    _ block: [KernelSurface], others: Action? = nil, mode: Mode = .enforce, tier: Tier = .lsm
  ) throws -> stockade_policy {
    var profile = Profile(name: "test", file: "test.yaml")
    (profile.kernelBlock, profile.otherContainers, profile.mode) = (block, others, mode)
    return try PolicyCompiler.compile(profile, tier: tier, hasNetwork: false, withoutNewExecutables: false).policy
  }

  @Test("each word has a bit of its own", arguments: KernelSurface.allCases)
  func bits(surface: KernelSurface) throws {
    #expect(surface.kernelBit.nonzeroBitCount == 1)
    #expect(KernelSurface.allCases.filter { $0.kernelBit == surface.kernelBit } == [surface])
    let policy = try compiled([surface])
    #expect(policy.kernel_blocked == surface.kernelBit && policy.kernel_audited == 0)
  }

  @Test("mode Audit audits what Enforce blocks")
  func audit() throws {
    let policy = try compiled([.mount, .bpf], mode: .audit)
    #expect(policy.kernel_blocked == 0)
    #expect(policy.kernel_audited == STOCKADE_SURFACE_MOUNT.rawValue | STOCKADE_SURFACE_BPF.rawValue)
  }

  @Test("the lesser tiers have no kernel section", arguments: [Tier.none, .signal])
  func tiers(tier: Tier) throws {
    let policy = try compiled(KernelSurface.allCases, others: .allow, tier: tier)
    #expect(policy.kernel_blocked == 0 && policy.kernel_audited == 0 && policy.flags == 0)
  }

  private static let allowed = UInt32(STOCKADE_OTHER_CONTAINERS.rawValue)
  private static let audited = UInt32(STOCKADE_AUDIT_OTHER_CONTAINERS.rawValue)

  @Test(
    "other containers are kept away unless the profile says otherwise",
    arguments: [
      (nil, .enforce, 0), (.block, .enforce, 0), (.audit, .enforce, audited), (.allow, .enforce, allowed),
      (nil, .audit, audited), (.block, .audit, audited), (.allow, .audit, allowed),
    ] as [(Action?, Mode, UInt32)])
  func others(_ action: Action?, _ mode: Mode, _ flags: UInt32) throws {
    #expect(try compiled([], others: action, mode: mode).flags == flags)
  }
}
