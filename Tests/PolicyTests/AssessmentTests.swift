import Policy
import Testing

/// Something of each kind, on one line each.
private let rules = "process: {rules: [{path: /a, action: Block}]}\nnetwork: {egress: {defaultAction: Block}}"
private let processRule = "process.rules[0] Block /a"
private let networkRule = "network.egress.defaultAction Block"
private let filtered = "seccomp: {type: RuntimeDefault}"

/// What is known of a container with one thing that hinders.
private func facts(_ change: (inout ContainerFacts) -> Void) -> ContainerFacts {
  var facts = ContainerFacts()
  facts.process = ContainerFacts.Process(pid: 41, hasFilter: true, sharesRuntimeNamespace: false)
  facts.rootIsOverlay = true
  change(&facts)
  return facts
}

private let unfiltered = facts { $0.process?.hasFilter = false }
private let shared = facts { $0.process?.sharesRuntimeNamespace = true }
private let noOverlay = facts { $0.rootIsOverlay = false }
private let left = facts { $0.leftProcesses = "42 (sh)" }
private let noNetwork = facts { $0.networkFailure = "cannot attach" }
private let failed = facts { $0.failure = "no cgroup /x" }
private let notCarried = facts { $0.filterProblem = "p.yaml:5: no filter can be set" }
private let notSent = facts {
  $0.process?.hasFilter = false
  $0.filterWasSent = false
}
private let ownFilter = facts {
  $0.podFilter = .localhost("shop/web.json")
  $0.filterWasSent = false
}
private let replacing = "seccomp: {type: RuntimeDefault, replacesPod: true}"
private let signal = NodeCapabilities(tier: .signal)

private let blocking = "network: {egress: {defaultAction: Block}}"
private let netRaw = facts { $0.hasNetRaw = true }

/// What is known of a container whose filter denies packet sockets.
private func filtering(_ change: (inout ContainerFacts) -> Void) -> ContainerFacts {
  facts {
    ($0.hasNetRaw, $0.filterDeniesPacketSockets) = (true, true)
    change(&$0)
  }
}

@Suite struct AssessmentTests {
  struct Case {
    var spec: String
    var container: ContainerFacts
    var node = NodeCapabilities.unlimited
    /// Under Fail, without the profile's name; nil: it may start.
    var refusal: String?
    /// Subjects, under Ignore.
    var ignored: [String] = []
    var accepted: [String] = []
    var omissions: Set<Assessment.Omission> = []
  }

  static let cases = [
    Case(spec: rules + "\n" + filtered, container: ContainerFacts(), refusal: nil),
    Case(spec: rules + "\n" + filtered, container: facts { _ in }, refusal: nil),
    Case(
      spec: filtered, container: unfiltered,
      refusal: "process 41 has no seccomp filter although the profile sets one: the runtime ignored it, or another "
        + "plugin removed it", ignored: ["seccomp"]),
    Case(
      spec: "requireFilter: true", container: unfiltered,
      refusal:
        "process 41 has no seccomp filter and the profile says requireFilter: true; give the pod a seccompProfile",
      ignored: ["requireFilter"]),
    Case(spec: rules, container: unfiltered, refusal: nil),
    Case(
      spec: filtered, container: notSent, refusal: nil),
    Case(
      spec: filtered, container: notCarried, refusal: "p.yaml:5: no filter can be set", ignored: ["seccomp"]),
    Case(spec: rules, container: notCarried, refusal: nil),
    Case(
      spec: filtered + "\nkernel: {sockets: [unix]}", container: notCarried, node: signal,
      refusal: "p.yaml:5: no filter can be set", ignored: ["seccomp", "kernel.sockets"]),
    Case(
      spec: filtered + "\nkernel: {sockets: [unix], block: [executableMemory]}", container: unfiltered,
      refusal: "process 41 has no seccomp filter although the profile sets one: the runtime ignored it, or another "
        + "plugin removed it", ignored: ["seccomp", "kernel.block executableMemory"]),
    Case(
      spec: filtered, container: ownFilter,
      refusal: "the pod brings a seccomp profile of its own, Localhost \"shop/web.json\", which spec.seccomp would "
        + "replace; use a profile without spec.seccomp, or set seccomp.replacesPod: true", ignored: ["seccomp"]),
    Case(spec: rules, container: ownFilter, refusal: nil),
    Case(spec: replacing, container: ownFilter, refusal: nil),
    Case(spec: filtered, container: facts { ($0.podFilter, $0.filterWasSent) = (.localhost("a"), true) }, refusal: nil),
    Case(spec: filtered, container: facts { $0.podFilter = .runtimeDefault }, refusal: nil),
    Case(
      spec: rules, container: shared,
      refusal: "process 41 shares the runtime's mount namespace, where the container cannot be told from the runtime",
      ignored: [processRule], omissions: [.processRules]),
    Case(
      spec: rules, container: left,
      refusal:
        "left in the container's cgroup by a hook of the runtime: process 42 (sh), which no rule would bind; let "
        + "the hook end what it starts", ignored: ["process, file and kernel for what hooks left"]),
    Case(spec: "network: {egress: {defaultAction: Block}}", container: left, refusal: nil),
    Case(
      spec: "process: {newExecutables: Block}", container: noOverlay,
      refusal: "process.newExecutables Block cannot be enforced: the container's root is no overlay, so its image's "
        + "files cannot be told from new ones; use the overlayfs snapshotter, or set newExecutables: Allow",
      ignored: ["process.newExecutables Block"], omissions: [.newExecutables]),
    Case(spec: rules, container: noOverlay, refusal: nil),
    Case(
      spec: rules, container: noNetwork, refusal: "cannot attach", ignored: [networkRule], omissions: [.networkRules]),
    Case(spec: "process: {fileless: Block}", container: noNetwork, refusal: nil),
    Case(spec: rules, container: failed, refusal: "no cgroup /x", ignored: [processRule, networkRule]),
    Case(spec: "mode: Enforce", container: failed, refusal: "no cgroup /x"),
    Case(
      spec: "acceptPartial: true\n" + rules, container: facts { _ in }, node: signal, refusal: nil,
      accepted: [processRule]),
    // What is lost says more than what is partial.
    Case(
      spec: "acceptPartial: true\n" + rules, container: failed, node: signal, refusal: "no cgroup /x",
      ignored: [processRule, networkRule]),
  ]

  @Test("under Fail each hindrance of a container refuses it, with the profile first", arguments: cases)
  func fail(_ example: Case) throws {
    let assessment = try profile(example.spec).assess(node: example.node, container: example.container)
    #expect(assessment.refusal == example.refusal.map { "profile \"web\": \($0)" })
    #expect(assessment.ignored.isEmpty || example.refusal != nil)
    #expect(assessment.omissions == example.omissions, "for one that runs")
  }

  @Test("under Ignore none does: each rule that is lost is told once, and left out of the policy", arguments: cases)
  func ignore(_ example: Case) throws {
    let assessment = try profile("failurePolicy: Ignore\n" + example.spec)
      .assess(node: example.node, container: example.container)
    #expect(assessment.refusal == nil && assessment.refused.isEmpty)
    #expect(assessment.ignored.map(\.subject) == example.ignored)
    #expect(assessment.accepted.map(\.subject) == example.accepted)
    #expect(assessment.omissions == example.omissions)
  }

  @Test("several reasons are one line: the first, and how many more")
  func several() throws {
    var container = unfiltered
    container.leftProcesses = "42 (sh)"
    let spec = rules + "\nkernel: {block: [mount]}\n" + filtered
    let assessment = try profile(spec).assess(node: .none(because: "no BPF"), container: container)
    #expect(assessment.refusal?.hasPrefix("profile \"web\": \(processRule) (p.yaml:5) cannot be enforced: ") == true)
    #expect(assessment.refusal?.hasSuffix(" (and 4 more)") == true)
    #expect(assessment.refused.map { $0.subject } == [processRule, networkRule, "kernel.block mount"])
  }

  @Test("mode Audit only tells of what hooks left")
  func audit() throws {
    let assessment = try profile("mode: Audit\n" + rules).assess(node: .unlimited, container: left)
    #expect(assessment.refusal == nil && assessment.ignored.count == 1)
  }

  private static let signalWhole = "process: {defaultAction: Block, allowEntrypoint: true}"

  @Test(
    "mode Audit refuses nothing that Enforce accepts",
    arguments: cases.map(\.spec).filter { !$0.hasPrefix("mode:") } + [
      signalWhole, "minimumTier: signal\n" + signalWhole, "process: {defaultAction: Block}",
      "process: {defaultAction: Block, rules: [{path: /a, action: Block}]}", "acceptPartial: true\n" + signalWhole,
      "kernel: {otherContainers: Block}", "file: {rules: [{path: /a, action: Block}]}",
    ])
  func auditAccepts(spec: String) throws {
    let nodes = Tier.allCases.map { NodeCapabilities(tier: $0) } + [.none(because: "no BPF")]
    for node in nodes {
      for container in [ContainerFacts()] + Self.cases.map(\.container) {
        let enforced = try profile(spec).assess(node: node, container: container)
        let audited = try profile("mode: Audit\n" + spec).assess(node: node, container: container)
        #expect(enforced.refusal != nil || audited.refusal == nil)
      }
    }
  }

  @Test("what tier signal enforces whole and audits in part is told")
  func auditedInPart() throws {
    let assessment = try profile("mode: Audit\n" + Self.signalWhole).assess(node: signal)
    #expect(
      assessment.ignored.map(\.subject) == [
        "process.defaultAction Audit", "process.newExecutables Audit", "process.fileless Audit",
      ])
    #expect(assessment.ignored.allSatisfy { $0.coverage == .partial && $0.why.hasPrefix("mode: Audit lets it run") })
    let accepting = try profile("mode: Audit\nacceptPartial: true\n" + Self.signalWhole).assess(node: signal)
    #expect(accepting.accepted.count == 3 && accepting.ignored.isEmpty)
  }

  @Test("a container that runs is not refused for its filter, and the rest refuses it as at a start")
  func running() throws {
    var late = unfiltered
    (late.ranBefore, late.wasConfined) = (true, true)
    for spec in [filtered, "requireFilter: true"] {
      let assessment = try profile(spec).assess(node: .unlimited, container: late)
      #expect(assessment.refusal == nil && assessment.ignored.count == 1)
    }
    late.process?.sharesRuntimeNamespace = true
    #expect(try profile(rules).assess(node: .unlimited, container: late).refusal != nil)
    #expect(try profile("minimumTier: lsm").assess(node: signal, container: late).refusal != nil)
  }

  @Test(
    "what a container did before it was confined is told, unless something confined it",
    arguments: [
      (rules, false, ["process, file and kernel for what it did before"]), (filtered, false, ["seccomp"]),
      ("network: {egress: {defaultAction: Block}}", false, []), (rules + "\n" + filtered, true, []),
    ] as [(String, Bool, [String])])
  func late(spec: String, wasConfined: Bool, subjects: [String]) throws {
    let container = facts { ($0.ranBefore, $0.wasConfined) = (true, wasConfined) }
    let assessment = try profile(spec).assess(node: .unlimited, container: container)
    #expect(assessment.refusal == nil && assessment.ignored.map(\.subject) == subjects)
    let accepting = try profile("acceptPartial: true\n" + spec).assess(node: .unlimited, container: container)
    #expect(accepting.accepted.map(\.subject) == subjects && accepting.ignored.isEmpty)
  }

  @Test("of a running container the pod's own filter is told once, and refuses nothing", arguments: [false, true])
  func lateWithOwnFilter(wasConfined: Bool) throws {
    for hasFilter in [true, false] {
      let container = facts {
        ($0.ranBefore, $0.wasConfined, $0.podFilter) = (true, wasConfined, .localhost("a"))
        $0.process?.hasFilter = hasFilter
      }
      let assessment = try profile(filtered).assess(node: .unlimited, container: container)
      #expect(assessment.refusal == nil && assessment.ignored.map(\.subject) == ["seccomp"])
      #expect(assessment.ignored.map(\.why) == ["the pod brings a seccomp profile of its own, Localhost \"a\""])
    }
  }

  @Test(
    "network rules that block are told to be void for packet sockets, and refuse nobody",
    arguments: [
      (blocking, netRaw, .unlimited, true),
      ("acceptPartial: true\n" + blocking, netRaw, .unlimited, true),
      ("network: {ingress: {rules: [{ports: [{port: 1}], action: Block}]}}", netRaw, signal, true),
      (blocking, facts { $0.hasNetRaw = false }, .unlimited, false), (blocking, facts { _ in }, .unlimited, false),
      ("network: {egress: {defaultAction: Audit}}", netRaw, .unlimited, false),
      ("mode: Audit\n" + blocking, netRaw, .unlimited, false), ("acceptPartial: true", netRaw, .unlimited, false),
      (blocking + "\nkernel: {block: [packetSockets]}", netRaw, .unlimited, false),
      (blocking + "\nkernel: {sockets: [inet]}", netRaw, .unlimited, false),
      (blocking + "\nkernel: {sockets: [inet, xdp]}", netRaw, .unlimited, true),
      (blocking + "\nkernel: {block: [packetSockets]}\nfailurePolicy: Ignore", netRaw, signal, true),
      (blocking, filtering { _ in }, .unlimited, false),
      (blocking, filtering { $0.process?.hasFilter = false }, .unlimited, true),
      (blocking, filtering { $0.process = nil }, .unlimited, false),
      (blocking + "\nfailurePolicy: Ignore", facts { ($0.hasNetRaw, $0.networkFailure) = (true, "x") }, signal, false),
      (blocking + "\nfailurePolicy: Ignore", facts { ($0.hasNetRaw, $0.failure) = (true, "x") }, signal, false),
      (blocking + "\nfailurePolicy: Ignore", netRaw, .none(because: "x"), false),
      (
        blocking + "\nfailurePolicy: Ignore", facts { ($0.hasNetRaw, $0.runtimeHandler) = (true, "kata") }, signal,
        false
      ),
      (
        blocking + "\nkernel: {block: [packetSockets]}\nfailurePolicy: Ignore",
        facts {
          $0.hasNetRaw = true
          $0.process?.sharesRuntimeNamespace = true
        }, .unlimited, true
      ),
    ] as [(String, ContainerFacts, NodeCapabilities, Bool)])
  func packetSockets(spec: String, container: ContainerFacts, node: NodeCapabilities, isTold: Bool) throws {
    let assessment = try profile(spec).assess(node: node, container: container)
    #expect(assessment.ignored.contains { $0.subject == "network for packet sockets" } == isTold)
    #expect(assessment.refusal == nil)
  }

  @Test("where processes cannot be told from the runtime's, the root does not matter")
  func sharedWithoutOverlay() throws {
    var container = shared
    container.rootIsOverlay = false
    let spec = "failurePolicy: Ignore\nprocess: {newExecutables: Block}"
    #expect(try profile(spec).assess(node: .unlimited, container: container).omissions == [.processRules])
  }

  @Test("a filter is not missed where another kernel runs the container")
  func sandboxed() throws {
    var container = unfiltered
    container.runtimeHandler = "kata"
    let assessment = try profile("failurePolicy: Ignore\n" + filtered).assess(node: .unlimited, container: container)
    #expect(assessment.ignored.map(\.subject) == ["the whole profile"])
  }
}
