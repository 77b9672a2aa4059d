import Policy
import Testing

private let programs = "process: {rules: [{path: /a, action: Block}]}"
private let files = "file: {rules: [{path: /a, action: Block}]}"
private let network = "network: {egress: {defaultAction: Block}}"

/// What a container's root keeps from being enforced.
@Suite struct RootGapTests {
  private static let moved = "process for folders of the image"
  private static let folded = "paths of the image"

  private func container(moves: Bool = false, folds: Bool = false) -> ContainerFacts {
    var container = ContainerFacts()
    (container.rootMovesFolders, container.rootFoldsCase) = (moves, folds)
    return container
  }

  @Test(
    "redirect_dir=on is told where nothing refuses the rename of a folder, and something is said of programs",
    arguments: [
      (programs, .signal, true), (programs, .fmodRet, false), (programs, .lsm, false), (programs, .none, false),
      (files, .lsm, false), (files, .signal, false), (network, .signal, false),
      ("mode: Audit\n" + programs, .lsm, true),
      ("process: {rules: [{path: /a, action: Allow}]}", .signal, false),
    ] as [(String, Tier, Bool)])
  func redirected(spec: String, tier: Tier, isTold: Bool) throws {
    let node = NodeCapabilities(tier: tier)
    let told = try profile("failurePolicy: Ignore\n" + spec).assess(node: node, container: container(moves: true))
    #expect(told.gaps.contains { $0.subject == Self.moved } == isTold)
    let without = try profile("failurePolicy: Ignore\n" + spec).assess(node: node, container: container())
    #expect(!without.gaps.contains { $0.subject == Self.moved })
  }

  @Test(
    "a root that folds case is told where paths are judged",
    arguments: [
      (programs, .signal, true), (programs, .lsm, true), (files, .lsm, true), (files, .signal, false),
      (network, .lsm, false),
    ] as [(String, Tier, Bool)])
  func folded(spec: String, tier: Tier, isTold: Bool) throws {
    let node = NodeCapabilities(tier: tier)
    let told = try profile("failurePolicy: Ignore\n" + spec).assess(node: node, container: container(folds: true))
    #expect(told.gaps.contains { $0.subject == Self.folded } == isTold)
  }

  @Test("Fail refuses for it, unless the profile accepts what is partial, and Audit refuses nothing for it")
  func refused() throws {
    let whole = "process: {defaultAction: Block, allowEntrypoint: true}"
    let (node, container) = (NodeCapabilities(tier: .signal), container(moves: true))
    let refusal = try profile(whole).assess(node: node, container: container).refusal
    #expect(refusal?.contains("redirect_dir=on") == true)
    let accepting = try profile("acceptPartial: true\n" + whole).assess(node: node, container: container)
    #expect(accepting.refusal == nil && accepting.accepted.contains { $0.subject == Self.moved })
    let audit = try profile("mode: Audit\n" + whole).assess(node: node, container: container)
    #expect(audit.refusal == nil && audit.ignored.contains { $0.subject == Self.moved })
  }
}
