import Compilation
import Policy
import Testing

/// The kernel section as the kernel's tables hold it.
struct CompileKernelTests {
  private func compiled(_ block: [KernelSurface], others: Action? = nil, mode: Mode = .enforce) throws
    -> CompiledPolicy
  {
    var profile = Profile(name: "test", file: "test.yaml")
    (profile.kernelBlock, profile.otherContainers, profile.mode) = (block, others, mode)
    return try PolicyCompiler.compile(profile)
  }

  @Test("mode Audit audits what Enforce blocks")
  func audit() throws {
    let enforced = try compiled([.mount, .bpf]).kernel
    #expect(enforced?.blocked == [.mount, .bpf] && enforced?.audited == [])
    let audited = try compiled([.mount, .bpf], mode: .audit).kernel
    #expect(audited?.blocked == [] && audited?.audited == [.mount, .bpf])
  }

  @Test("families that are not listed are blocked, and audited in mode Audit")
  func sockets() throws {
    var profile = Profile(name: "test", file: "test.yaml")
    #expect(try PolicyCompiler.compile(profile).kernel?.sockets == nil)
    profile.socketFamilies = [.unix, .inet]
    let enforced = try PolicyCompiler.compile(profile).kernel?.sockets
    #expect(enforced?.families == [.unix, .inet] && enforced?.action == .block)
    (profile.socketFamilies, profile.mode) = ([], .audit)
    let audited = try PolicyCompiler.compile(profile).kernel?.sockets
    #expect(audited?.families == [] && audited?.action == .audit)
  }

  @Test("the lesser tiers have no kernel section", arguments: [Tier.none, .signal])
  func tiers(tier: Tier) throws {
    let policy = try compiled(KernelSurface.allCases, others: .allow)
      .reduced(to: tier, hasNetwork: true, withoutNewExecutables: false)
    #expect(policy == CompiledPolicy())
  }

  @Test(
    "other containers are kept away unless the profile says otherwise",
    arguments: [
      (nil, .enforce, .block), (.block, .enforce, .block), (.audit, .enforce, .audit), (.allow, .enforce, .allow),
      (nil, .audit, .audit), (.block, .audit, .audit), (.allow, .audit, .allow),
    ] as [(Action?, Mode, Action)])
  func others(_ action: Action?, _ mode: Mode, _ expected: Action) throws {
    #expect(try compiled([], others: action, mode: mode).kernel?.otherContainers == expected)
  }
}
