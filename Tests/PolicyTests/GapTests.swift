import Policy
import Testing

@Suite struct Gaps {
  private static let signal = NodeCapabilities(tier: .signal, tierReason: "no bpf in lsm=")

  private func subjects(_ spec: String, _ node: NodeCapabilities) throws -> [String] {
    try profile(spec).assess(node: node).gaps.map { "\($0.coverage.rawValue) \($0.subject)" }
  }

  private static let everything = """
    process:
      defaultAction: Block
      rules:
      - {path: /a, action: Allow}
      - {path: /b, action: Block}
      - {path: /c, action: Allow, arguments: [{equals: x, action: Audit}]}
    file: {defaultAction: Audit, rules: [{path: /a, action: Block}, {path: /b, action: Allow}]}
    network:
      egress: {defaultAction: Block, rules: [{cidr: 10.0.0.0/8, action: Allow}]}
      ingress: {rules: [{ports: [{port: 22}], action: Block}]}
    kernel: {block: [mount]}
    """

  @Test("the best tiers enforce everything", arguments: [Tier.fmodRet, .lsm])
  func best(tier: Tier) throws {
    #expect(try subjects(Self.everything, NodeCapabilities(tier: tier)) == [])
  }

  @Test("without a tier each part that denies or audits is a gap")
  func none() throws {
    #expect(
      try subjects(Self.everything, NodeCapabilities(tier: .none, networkProblem: "cgroup v2 is not mounted")) == [
        "none process.defaultAction Block", "none process.newExecutables Block", "none process.fileless Block",
        "none process.rules[1] Block /b", "none process.rules[2].arguments of /c",
        "none file.defaultAction Audit", "none file.rules[0] Block /a",
        "none network.egress.defaultAction Block", "none network.ingress.rules[0] Block",
        "none kernel.block mount",
      ])
  }

  @Test("at tier signal an allow-list is partial, file and kernel are not enforced, network is")
  func signalTier() throws {
    #expect(
      try subjects(Self.everything, Self.signal) == [
        "partial process.defaultAction Block", "partial process.newExecutables Block",
        "partial process.fileless Block", "partial process.rules[1] Block /b",
        "partial process.rules[2].arguments of /c", "none file.defaultAction Audit", "none file.rules[0] Block /a",
        "none kernel.block mount",
      ])
  }

  @Test("where an exec can go by unjudged, tier signal enforces nothing wholly, and says why")
  func skippedExecs() throws {
    let claim = TierClaim(tier: .signal, execProblem: "the kernel skips programs")
    let gaps = try profile("process: {defaultAction: Block, allowEntrypoint: true}").assess(
      node: NodeCapabilities(claim)
    )
    .gaps
    #expect(
      gaps.map(\.description)
        == [
          "process.defaultAction Block", "process.newExecutables Block", "process.fileless Block",
        ].map {
          $0 + " can only partly be enforced: a program can get past tier signal: the kernel skips programs; "
            + "set acceptPartial: true if that is enough, or use a node with tier fmod_ret or lsm"
        })
  }

  @Test(
    "the filter enforces families where there are no hooks, and where it is missing they are a gap",
    arguments: [
      (.none, "kernel: {sockets: [unix]}", ["none kernel.sockets"]),
      (.signal, "kernel: {sockets: [unix]}", ["none kernel.sockets"]),
      (.signal, "mode: Audit\nkernel: {sockets: [unix]}", ["none kernel.sockets"]),
      (.signal, "kernel: {sockets: [unix]}\nseccomp: {type: RuntimeDefault}", []),
      (.none, "kernel: {sockets: [unix]}\nseccomp: {type: RuntimeDefault}", []),
      (.fmodRet, "kernel: {sockets: [unix]}", []), (.lsm, "kernel: {sockets: []}", []),
    ] as [(Tier, String, [String])])
  func families(tier: Tier, spec: String, expected: [String]) throws {
    #expect(try subjects(spec, NodeCapabilities(tier: tier)) == expected)
  }

  @Test(
    "executable memory is blocked whole with a filter alone",
    arguments: [
      (.lsm, "kernel: {block: [executableMemory]}", ["partial kernel.block executableMemory"]),
      (.fmodRet, "kernel: {block: [mount, executableMemory]}", ["partial kernel.block executableMemory"]),
      (.lsm, "kernel: {block: [executableMemory]}\nseccomp: {type: RuntimeDefault}", []),
      (.signal, "kernel: {block: [executableMemory]}", ["none kernel.block executableMemory"]),
    ] as [(Tier, String, [String])])
  func executableMemory(tier: Tier, spec: String, expected: [String]) throws {
    #expect(try subjects(spec, NodeCapabilities(tier: tier)) == expected)
  }

  @Test(
    "tier signal enforces whole what lets nothing run but the entrypoint",
    arguments: [
      ("defaultAction: Block", []),
      ("defaultAction: Block, allowEntrypoint: true", []),
      ("defaultAction: Block, newExecutables: Allow", []),
      ("defaultAction: Block, rules: [{path: /a, action: Block}]", []),
      // The entrypoint may be a script at /a.
      (
        "defaultAction: Block, allowEntrypoint: true, rules: [{path: /a, action: Block}]",
        ["partial process.rules[0] Block /a"]
      ),
      (
        "defaultAction: Block, fileless: Allow",
        ["partial process.defaultAction Block", "partial process.newExecutables Block"]
      ),
      (
        "defaultAction: Block, fileless: Audit, newExecutables: Allow",
        ["partial process.defaultAction Block", "partial process.fileless Audit"]
      ),
      ("defaultAction: Audit", ["partial process.defaultAction Audit"]),
      ("rules: [{path: /a, action: Block}]", ["partial process.rules[0] Block /a"]),
      ("rules: [{directory: /a, action: Audit}]", ["partial process.rules[0] Audit /a"]),
      ("fileless: Block", ["partial process.fileless Block"]),
      ("newExecutables: Audit", ["partial process.newExecutables Audit"]),
      ("defaultAction: Allow", []),
      ("rules: [{path: /a, action: Allow}]", []),
    ] as [(String, [String])])
  func whole(section: String, gaps: [String]) throws {
    #expect(try subjects("process: {\(section)}", Self.signal) == gaps)
  }

  @Test("mode Audit lets images run, so nothing of it is whole at tier signal")
  func audit() throws {
    #expect(
      try subjects("mode: Audit\nprocess: {defaultAction: Block}", Self.signal) == [
        "partial process.defaultAction Audit", "partial process.newExecutables Audit",
        "partial process.fileless Audit",
      ])
  }

  @Test(
    "otherContainers is a gap where it is asked for, and its default is none",
    arguments: [
      ("minimumTier: none", []), ("kernel: {otherContainers: Allow}", []),
      ("kernel: {otherContainers: Block}", ["none kernel.otherContainers Block"]),
      ("mode: Audit\nkernel: {otherContainers: Block}", ["none kernel.otherContainers Audit"]),
    ] as [(String, [String])])
  func otherContainers(spec: String, gaps: [String]) throws {
    #expect(try subjects(spec, Self.signal) == gaps)
    #expect(try subjects(spec, NodeCapabilities(tier: .fmodRet)) == [])
  }

  @Test("minimumTier is a floor of its own")
  func floor() throws {
    #expect(try subjects("minimumTier: lsm", NodeCapabilities(tier: .fmodRet)) == ["none minimumTier lsm"])
    #expect(try subjects("minimumTier: lsm", NodeCapabilities(tier: .lsm)) == [])
  }

  @Test("a sandboxed runtime can enforce nothing", arguments: ["kata", "kata-qemu", "Kata", "gvisor", "runsc-ptrace"])
  func sandboxed(handler: String) throws {
    let container = ContainerFacts(runtimeHandler: handler)
    let gaps = try profile("mode: Audit").assess(node: .unlimited, container: container).gaps
    #expect(gaps.map(\.subject) == ["the whole profile"] && gaps[0].coverage == .none)
  }

  @Test("other runtime handlers run under this kernel", arguments: ["", "runc", "crun", "youki", "nvidia", "katz"])
  func ordinary(handler: String) throws {
    let container = ContainerFacts(runtimeHandler: handler)
    #expect(try profile(Self.everything).assess(node: .unlimited, container: container).gaps == [])
  }

  @Test(
    "Fail refuses with the profile, the rule, the reason and what to do",
    arguments: [
      (
        "file: {rules: [{path: /a, action: Block}, {path: /b, action: Block}]}",
        """
        profile "web": file.rules[0] Block /a (p.yaml:5) cannot be enforced: it needs tier fmod_ret or lsm, and this \
        node has tier signal (no bpf in lsm=); leave it out, or set failurePolicy: Ignore (docs/tiers.md) (and 1 more)
        """
      ),
      (
        "process: {rules: [{path: /a, action: Block}]}",
        """
        profile "web": process.rules[0] Block /a (p.yaml:5) can only partly be enforced: tier signal sees only the \
        final image, not a script's own name and arguments, or what a loader loads; set acceptPartial: true if that is \
        enough, or use a node with tier fmod_ret or lsm
        """
      ),
      ("acceptPartial: true\nprocess: {rules: [{path: /a, action: Block}]}", nil),
      ("failurePolicy: Ignore\nkernel: {block: [mount]}", nil),
      (
        "kernel: {sockets: [unix]}",
        """
        profile "web": kernel.sockets cannot be enforced: it needs tier fmod_ret or lsm, or a system call filter of the \
        profile, and this node has tier signal (no bpf in lsm=); add seccomp: {type: RuntimeDefault}, leave it out, or \
        set failurePolicy: Ignore (docs/tiers.md)
        """
      ),
      (
        "acceptPartial: true\nminimumTier: lsm",
        """
        profile "web": minimumTier lsm cannot be enforced: this node has tier signal (no bpf in lsm=); lower \
        minimumTier (docs/tiers.md)
        """
      ),
    ])
  func refusal(spec: String, message: String?) throws {
    #expect(try profile(spec).assess(node: Self.signal).refusal == message)
  }
}
