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
private let signal = NodeCapabilities(tier: .signal)

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
